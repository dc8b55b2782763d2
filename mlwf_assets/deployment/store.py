"""MLflow's store: SQLite and artifacts below `$MLWF_HOME/mlflow`, opened the same way by everybody.

Here is what must be settled before MLflow is used: its environment, the database's journal, one creator
at a time. Nobody calls `mlflow.set_tracking_uri` or starts a global run; clients carry the address.
"""

import os
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from mlwf_assets.errors import ModelError

if TYPE_CHECKING:
    from mlflow import MlflowClient

_DATABASE = "mlflow.db"
_OPEN = (
    "import sys; from pathlib import Path; from mlwf_assets.deployment.store import open_store; "
    "open_store(Path(sys.argv[1]))"
)
_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    # Looks for a uv project in the working directory and runs `uv export` for every model.
    "MLFLOW_UV_AUTO_DETECT": "false",
    # Compares every pinned requirement with the environment at each load: 0.3 s of warnings.
    "MLFLOW_SKIP_PIP_REQUIREMENTS_CHECK": "true",
    # Local copies of a few files need no progress bar.
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    # Alembic and the store report each migration as INFO on stderr.
    "MLFLOW_LOGGING_LEVEL": "WARNING",
}


@dataclass(frozen=True)
class Store:
    """An opened MLflow store.

    Attributes:
        folder: holds mlflow.db and artifacts/.
        uri: the tracking and registry address.
        client: bound to that address.
    """

    folder: Path
    uri: str
    client: "MlflowClient"

    def experiment(self, name: str) -> str:
        """The id of the experiment of that name, which is made where it is missing."""
        found = self.client.get_experiment_by_name(name)
        if found is not None:
            return str(found.experiment_id)
        with self.lock("experiment"):
            found = self.client.get_experiment_by_name(name)
            if found is not None:
                return str(found.experiment_id)
            location = (self.folder / "artifacts" / name).as_uri()
            return str(self.client.create_experiment(name, artifact_location=location))

    def lock(self, subject: str) -> FileLock:
        """A lock between processes for what must be done by one at a time; freed when its holder dies."""
        return FileLock(self.folder / "locks" / f"{subject}.lock")


def set_environment() -> None:
    """Set MLflow's switches where the user has not; takes effect before MLflow is imported.

    Example:
        >>> set_environment()
        >>> "MLFLOW_DISABLE_TELEMETRY" in os.environ
        True
    """
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)


def store_uri(home: Path) -> str:
    """The address of the store: what MLFLOW_TRACKING_URI must be.

    Example:
        >>> store_uri(Path("/data/.mlwf"))
        'sqlite:////data/.mlwf/mlflow/mlflow.db'
    """
    return f"sqlite:///{home.absolute() / 'mlflow' / _DATABASE}"


def has_store(home: Path) -> bool:
    """Say whether there is a store below a home; makes none, unlike `open_store`.

    Example:
        >>> has_store(Path("/no/such/home"))
        False
    """
    return (home / "mlflow" / _DATABASE).is_file()


def open_store(home: Path) -> Store:
    """Open the store below a home; the first to come makes it.

    Args:
        home: the folder of all state (`$MLWF_HOME`).

    Raises:
        ModelError: if the database is of another MLflow version or cannot be opened.
    """
    set_environment()
    folder, uri = _make_folders(home), store_uri(home)
    with FileLock(folder / "locks" / "create.lock"):
        if not _is_whole(folder / _DATABASE):
            _make_database(folder)
        client = _connect(uri)
    return Store(folder=folder, uri=uri, client=client)


def prepare_folder(home: Path) -> Path:
    """Have a store below a home before a server opens it, and return its folder.

    Where there is none yet, another process makes it: MLflow is not imported here.

    Raises:
        ModelError: if the database cannot be opened or made.
    """
    folder = _make_folders(home)
    if not _is_whole(folder / _DATABASE):
        made = subprocess.run([sys.executable, "-c", _OPEN, str(home)], capture_output=True, text=True, check=False)
        if made.returncode:
            raise ModelError(f"MLflow's store must be made in {folder}, however: {made.stderr.strip()[-500:]}")
    return folder


def _make_folders(home: Path) -> Path:
    folder = home.absolute() / "mlflow"
    for name in ("artifacts", "locks"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    return folder


def _is_whole(database: Path) -> bool:
    """Whether MLflow made the database to its end: the last thing that it makes is an experiment."""
    if not database.exists():
        return False
    try:
        with closing(sqlite3.connect(database, timeout=30)) as connection:
            tables = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'experiments'").fetchone()[0]
            return bool(tables) and connection.execute("SELECT 1 FROM experiments LIMIT 1").fetchone() is not None
    except sqlite3.Error as error:
        raise ModelError(
            f"{database} must be MLflow's database, however: {error}. Put back a copy, or move it away to begin anew."
        ) from error


def _make_database(folder: Path) -> None:
    """Make the database aside and move it to its place: MLflow takes seconds, and goes on with no half of one.

    Readers (the UI) and one writer (a run) do not block each other; the journal's mode stays with the file.
    """
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    with tempfile.TemporaryDirectory(dir=folder, prefix=".draft-") as place:
        draft = Path(place) / _DATABASE
        made: Any = SqlAlchemyStore  # MLflow's own has no types
        made(f"sqlite:///{draft}", (folder / "artifacts").as_uri()).engine.dispose()
        with closing(sqlite3.connect(draft)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
        for left in folder.glob(f"{_DATABASE}*"):  # of one that was never finished
            left.unlink()
        draft.replace(folder / _DATABASE)


def _connect(uri: str) -> "MlflowClient":
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    try:
        return MlflowClient(tracking_uri=uri, registry_uri=uri)
    except MlflowException as error:
        raise ModelError(
            f"MLflow's store must be readable by the installed MLflow, however: {error} "
            f"Where it says so, run: mlflow db upgrade {uri}"
        ) from error
