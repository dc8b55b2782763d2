"""Every error that a user of mlwf_assets can meet.

One root, `MlwfError`, and a few classes below it; each is also the built-in that fits, so that callers
who know nothing of us still catch it. A message says what must hold, what was found, where, and what to
do. Errors carry no logic; what is checked stands where it is checked.
"""


class MlwfError(Exception):
    """Root of all errors that are raised on purpose."""


class SpecError(MlwfError, ValueError):
    """The workflow file is wrong: the message lists each mistake with file, line and remedy."""


class DataError(MlwfError, ValueError):
    """The data breaks a rule that may not be broken (a `fail` rule, lost rows, an unreadable file)."""


class SchemaError(DataError):
    """A column is missing or has another type than it must have."""


class SourceError(MlwfError, OSError):
    """A source cannot be read: missing, truncated, of an unknown form."""


class LakeError(MlwfError, RuntimeError):
    """The lake cannot do what was asked: an unknown table or version, a torn write found."""


class ConflictError(LakeError):
    """Another writer was faster; whoever catches it reads again before it tries again."""


class ModelError(MlwfError, RuntimeError):
    """A model cannot be trained, stored or loaded."""


class GateError(MlwfError, RuntimeError):
    """A model did not pass the gate and was not deployed."""


class ServerError(MlwfError, RuntimeError):
    """A server cannot start: a taken port, a missing program."""


class LedgerError(MlwfError, RuntimeError):
    """The ledger of the GPUs cannot be read or written; nothing was granted."""
