"""What a registered model was made from: the workflow's files, the versions of all tables, the code. One JSON file.

It goes with the model, beside `features.json`. How it comes about is `assets/tracing.py`'s business, how a training
set is rebuilt from it `assets/reproduction.py`'s.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from mlwf_assets.errors import ModelError

FILE = "provenance.json"
_FORM = 1


class Pinned(NamedTuple):
    """One result that a model was made from.

    Attributes:
        partition: its partition; None where there are none.
        version: of the table, in which it was written.
        fingerprint: of its content.
        rows: how many.
    """

    partition: str | None
    version: int
    fingerprint: str
    rows: int


@dataclass(frozen=True)
class MadeBy:
    """The code behind a step.

    Attributes:
        code: fingerprint of all that counts.
        settings: hash of its part of the workflow file, defaults filled in.
        own: hash of the step's function with its helpers.
        modules: those that it reaches.
    """

    code: str
    settings: str
    own: str
    modules: Sequence[str]


@dataclass(frozen=True)
class Provenance:
    """What a model was made from.

    Attributes:
        workflow: the workflow's name.
        run_id: the Dagster run that registered it.
        file: the text of the workflow's defs.yaml.
        python: name and text of each of the workflow's own Python files.
        partitions: how time was cut.
        tables: 'WORKFLOW/GROUP/NAME' -> its results, by partition.
        steps: step -> the code behind it.
        modules: module -> hash of its code.
        libraries: distribution -> version, of all that a step names or its own files import.
        package: the version of mlwf_assets.
    """

    workflow: str
    run_id: str
    file: str
    python: Sequence[tuple[str, str]]
    partitions: Sequence[str]
    tables: Mapping[str, Sequence[Pinned]]
    steps: Mapping[str, MadeBy]
    modules: Mapping[str, str]
    libraries: Mapping[str, str]
    package: str


def pack(made: Provenance) -> bytes:
    """Write it down.

    Example:
        >>> made = Provenance("w", "run", "name: w", (), (), {"w/raw/a": [Pinned(None, 3, "ab", 7)]}, {}, {}, {}, "1")
        >>> unpack(pack(made), of="w version 1").tables
        {'w/raw/a': [Pinned(partition=None, version=3, fingerprint='ab', rows=7)]}
    """
    return json.dumps({"form": _FORM, **asdict(made)}, sort_keys=True, separators=(",", ":")).encode()


def unpack(content: bytes, *, of: str) -> Provenance:
    """Read what `pack` wrote.

    Args:
        content: the file's.
        of: the model, in words.
    Raises:
        ModelError: if it is damaged, or was written by a later version of this package.
    """
    try:
        read: dict[str, Any] = json.loads(content)
        if (form := read.pop("form")) != _FORM:
            raise ModelError(
                f"{FILE} of {of} must be of form {_FORM}, however: {form}; install the version of mlwf_assets that "
                "registered it, or a later one"
            )
        read["python"] = [(name, text) for name, text in read["python"]]
        read["tables"] = {table: [Pinned(*one) for one in found] for table, found in read["tables"].items()}
        read["steps"] = {step: MadeBy(**one) for step, one in read["steps"].items()}
        return Provenance(**read)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(
            f"{FILE} of {of} must be as it was written, however: {error}; bring it back from a copy"
        ) from error
