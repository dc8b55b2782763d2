"""One Python function in a process of its own, under a lease: `python -m mlwf_assets.gpu.call FOLDER`.

The process starts with the environment of its lease, so that torch sees the right devices however it is imported. It
is told of a recall by SIGTERM; it then saves what it needs and raises `Recalled`, and is called again later. While it
has nothing to save - libraries are imported, arguments are read - it leaves at once.
"""

import importlib
import importlib.util
import os
import pickle
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

RECALLED = 75  # EX_TEMPFAIL: try again later
_ASKED, _ANSWER = "asked.pickle", "answer.pickle"


class Recalled(Exception):  # noqa: N818 - no error: the work goes on later
    """The devices are wanted back and all that is needed is saved."""


class Recall:
    """Whether the devices are wanted back; a function under a lease that takes `recall` looks at it now and then."""

    def __init__(self) -> None:
        self._is_asked = False
        self._is_idle = False

    def ask(self, *_: object) -> None:
        """Note that they are; in a block of `at_once`, leave."""
        self._is_asked = True
        if self._is_idle:
            # no exception: a library that is being imported may catch it
            os._exit(RECALLED)

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Let the process end at once, if the devices are wanted back in this block: there is nothing to save yet.

        Importing torch alone can take longer than the grace on a machine that is busy.
        """
        self._is_idle = True
        try:
            if self._is_asked:
                self.ask()
            yield
        finally:
            self._is_idle = False

    def __bool__(self) -> bool:
        return self._is_asked

    def check(self, save: Callable[[], object] = lambda: None) -> None:
        """Save and leave, if the devices are wanted back.

        Raises:
            Recalled: then.
        """
        if self._is_asked:
            save()
            raise Recalled


def write_call(folder: Path, function: str, arguments: Mapping[str, Any]) -> list[str]:
    """Write down a call; the command that makes it."""
    (folder / _ASKED).write_bytes(pickle.dumps((function, dict(arguments), list(sys.path))))
    # -u: what it prints is told when it is printed, and is not lost when it leaves at once
    return [sys.executable, "-u", "-m", "mlwf_assets.gpu.call", str(folder)]


def read_answer(folder: Path) -> Any:
    """What the function returned."""
    return pickle.loads((folder / _ANSWER).read_bytes())  # noqa: S301 - written by our own child


def main(folder: Path) -> int:
    """Make the call that is written down."""
    recall = Recall()
    signal.signal(signal.SIGTERM, recall.ask)
    try:
        with recall.at_once():
            asked = pickle.loads((folder / _ASKED).read_bytes())  # noqa: S301 - written by our own parent
            function, arguments, sys.path[:] = asked
            _cap_memory()
            module, _, name = function.partition(":")
            called = getattr(importlib.import_module(module), name)
        answer = called(**arguments, recall=recall)
    except Recalled:
        return RECALLED
    except Exception:  # noqa: BLE001 - told in the parent's log
        traceback.print_exc()
        return 1
    new = folder / f"{_ANSWER}.new"
    new.write_bytes(pickle.dumps(answer))
    new.replace(folder / _ANSWER)
    return 0


def _cap_memory() -> None:
    """Hold a fraction of a device to its part of the memory, as far as torch does so."""
    fraction = os.environ.get("MLWF_GPU_MEMORY_FRACTION")
    if fraction is None or importlib.util.find_spec("torch") is None:
        return
    import torch

    if torch.cuda.is_available():
        torch.cuda.set_per_process_memory_fraction(float(fraction))


if __name__ == "__main__":
    # by its name: a function raises `mlwf_assets.gpu.call.Recalled`, which `__main__.Recalled` is not
    sys.exit(importlib.import_module("mlwf_assets.gpu.call").main(Path(sys.argv[1])))
