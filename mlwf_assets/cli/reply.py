"""What a command answers on stdout: text for people or, with --json, one JSON document and nothing else.

With --json the real stdout is kept aside for the document, and whatever else is printed there - by libraries,
also those written in C, and by child processes - goes to stderr. A failure is a document too.
"""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TextIO


class Reply:
    """Takes the one document of a command.

    Attributes:
        as_json: whether a document is wanted; where it is not, the command prints for people.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self.as_json = stream is not None
        self._stream = stream
        self._sent = False

    def document(self, content: Mapping[str, Any]) -> None:
        """Print the document; further ones are dropped, for readers parse stdout as a whole."""
        if self._stream is None or self._sent:
            return
        self._sent = True
        self._stream.write(json.dumps(content, indent=2) + "\n")
        self._stream.flush()

    def error(self, kind: str, message: str, exit_code: int) -> None:
        """Print the document of a command that ended without its own."""
        self.document({"error": {"kind": kind, "message": message}, "exit_code": exit_code})


@contextmanager
def replying(*, as_json: bool) -> Iterator[Reply]:
    """Hand out the reply of one command, and keep stdout for it if it is a document."""
    if not as_json:
        yield Reply(None)
        return
    with kept_stdout() as kept, os.fdopen(kept, "w", encoding="utf-8", closefd=False) as stream:
        yield Reply(stream)


@contextmanager
def kept_stdout() -> Iterator[int]:
    """Give the real stdout, a file descriptor, for as long as all that is printed goes to stderr."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield kept
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)
