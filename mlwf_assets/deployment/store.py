"""MLflow's store: SQLite and artifacts below `$MLWF_HOME/mlflow`, opened the same way by everybody.

Here is what must be settled before MLflow is used: its environment, the database's journal, one creator
at a time. Nobody calls `mlflow.set_tracking_uri` or starts a global run; clients carry the address.
"""

import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from mlwf_assets.errors import ModelError

if TYPE_CHECKING:
    from mlflow import MlflowClient

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
    return f"sqlite:///{home.absolute() / 'mlflow' / 'mlflow.db'}"


def has_store(home: Path) -> bool:
    """Say whether there is a store below a home; makes none, unlike `open_store`.

    Example:
        >>> has_store(Path("/no/such/home"))
        False
    """
    return (home / "mlflow" / "mlflow.db").is_file()


def open_store(home: Path) -> Store:
    """Open the store below a home; the first to come makes it.

    Args:
        home: the folder of all state (`$MLWF_HOME`).

    Raises:
        ModelError: if the database is of another MLflow version or cannot be opened.
    """
    set_environment()
    folder = prepare_folder(home)
    uri = store_uri(home)
    with FileLock(folder / "locks" / "create.lock"):
        client = _connect(uri)
    return Store(folder=folder, uri=uri, client=client)


def prepare_folder(home: Path) -> Path:
    """Make the store's folder, with a database that has no tables yet; needs no MLflow.

    Example:
        >>> import tempfile
        >>> sorted(path.name for path in prepare_folder(Path(tempfile.mkdtemp())).iterdir())
        ['artifacts', 'locks', 'mlflow.db']
    """
    folder = home.absolute() / "mlflow"
    for name in ("artifacts", "locks"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "locks" / "create.lock"):
        _use_wal(folder / "mlflow.db")
    return folder


def _use_wal(database: Path) -> None:
    """Readers (the UI) and one writer (a run) do not block each other; the mode stays with the file."""
    try:
        connection = sqlite3.connect(database, timeout=30)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise ModelError(
            f"{database} must be MLflow's database, however: {error}. Put back a copy, or move it away to begin anew."
        ) from error


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
