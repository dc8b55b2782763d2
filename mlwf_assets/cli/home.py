"""Where all state lives: `$MLWF_HOME`, and how Dagster is told of it.

Here stand the folder's layout and the two small files that make every way of starting Dagster (`mlwf run`,
`mlwf up`, `dagster dev`, `dg dev`) use one history: dagster.yaml inside the home, and a `.env` beside
workspace.yaml, which Dagster's commands read from the folder that they are started in, and ours too. What is
kept in the folders (tables, models, reports) is the business of the rooms that write there. `python -m
mlwf_assets.cli.home FOLDER` makes a checkout ready for `dagster dev` (`make env` does so).
"""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlwf_assets.lake.home import home_folder

DAGSTER_YAML = """\
# Written by mlwf when it was missing; yours to edit, it is not written again.
# Runs and events are kept in SQLite beside this file.
telemetry:
  enabled: false
nux:
  enabled: false
python_logs:
  python_log_level: INFO

# Dagster's own event log in the same files, with many events in one transaction.
event_log_storage:
  module: mlwf_assets.assets.event_log
  class: EventLog
  config: {folder: {env: DAGSTER_HOME}}

# A run whose process died is marked as failed, and gives back its slots in concurrency pools. Dagster's own
# launcher cannot tell that of runs on this machine; this one, otherwise the same, can.
run_launcher:
  module: mlwf_assets.assets.launcher
  class: RunLauncher
run_monitoring:
  enabled: true
  start_timeout_seconds: 180
  cancel_timeout_seconds: 60
  poll_interval_seconds: 15
  free_slots_after_run_end_seconds: 30

# One run is parallel inside its assets; more at once would only share the same cores.
concurrency:
  runs:
    max_concurrent_runs: 2

# Ticks in which nothing happened are of no interest later.
retention:
  schedule:
    purge_after_days: {skipped: 7, success: 90, failure: 90}
  sensor:
    purge_after_days: {skipped: 2, success: 90, failure: 90}
  auto_materialize:
    purge_after_days: {skipped: 2, success: 90, failure: 90}
"""

# As many events as the event log stores in one transaction.
_EVENT_BATCH = "500"
_ENV_FILE = """\
# Written by mlwf: `dagster dev` and `dg dev`, started in this folder, keep their history in the same
# place as `mlwf run` and `mlwf up`. MLWF_HOME of the shell goes first.
MLWF_HOME=${{MLWF_HOME:-{home}}}
DAGSTER_HOME=${{MLWF_HOME}}/dagster
DAGSTER_EVENT_BATCH_SIZE={batch}
"""


def find_home() -> Path:
    """The folder of all state, as `lake.home.home_folder` tells it to the assets too.

    Example:
        >>> find_home() == home_folder()
        True
    """
    return home_folder()


def write_dagster_yaml(home: Path) -> Path:
    """Write `home/dagster/dagster.yaml` where there is none; return DAGSTER_HOME.

    Example:
        >>> import tempfile
        >>> write_dagster_yaml(Path(tempfile.mkdtemp())).name
        'dagster'
    """
    folder = home / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    _write_if_absent(folder / "dagster.yaml", DAGSTER_YAML)
    return folder


def write_env_file(folder: Path, *, home: Path) -> Path | None:
    """Write `folder/.env` where a workspace.yaml stands and a `.env` does not; return its path.

    Args:
        folder: where `dagster dev -w workspace.yaml` is started.
        home: the home that is used when the shell sets no MLWF_HOME.

    Returns:
        The file's path, or None when the folder has no workspace.yaml. A `.env` that exists is left as it is.
    """
    if not (folder / "workspace.yaml").is_file():
        return None
    path = folder / ".env"
    _write_if_absent(path, _ENV_FILE.format(home=home, batch=_EVENT_BATCH))
    return path


def prepare_home(home: Path, *, project: Path | None = None) -> dict[str, str]:
    """Make the home ready for Dagster and return the environment variables that point to it.

    The first time Dagster's databases are made as well.

    Args:
        home: as `lake.home.home_folder` gives it.
        project: the folder with workspace.yaml; by default the current one.
    """
    dagster_home = write_dagster_yaml(home)
    # Only the default home is worth remembering: one that was chosen for this call must not stay chosen.
    project = project or Path.cwd()
    if home == project.absolute() / ".mlwf":
        write_env_file(project, home=home)
    _make_databases(dagster_home)
    return {"MLWF_HOME": str(home), "DAGSTER_HOME": str(dagster_home), "DAGSTER_EVENT_BATCH_SIZE": _EVENT_BATCH}


def _make_databases(dagster_home: Path) -> None:
    """Let Dagster make its databases while nobody else does.

    Two processes that make them at the same time leave a database with two revisions, which Dagster refuses ever after.
    """
    made = dagster_home / ".databases"
    if made.exists():
        return
    from dagster import DagsterInstance
    from filelock import FileLock

    with FileLock(dagster_home / ".databases.lock"), _variable("DAGSTER_HOME", str(dagster_home)):
        if not made.exists():
            with DagsterInstance.from_config(str(dagster_home)):
                made.touch()


@contextmanager
def _variable(name: str, value: str) -> Iterator[None]:
    """Set a variable of the environment, which dagster.yaml names, for as long as the context lasts."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        del os.environ[name]
        if before is not None:
            os.environ[name] = before


def load_env_file(folder: Path) -> None:
    """Take the variables of `folder/.env` into this process, below those that are set already, as Dagster does."""
    if (folder / ".env").is_file():
        from dotenv import load_dotenv

        load_dotenv(folder / ".env")


def _write_if_absent(path: Path, text: str) -> None:
    """Write a whole file or nothing, and never over one that another process wrote in between."""
    if path.exists():
        return
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
        Path(draft).chmod(0o644)
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        Path(draft).unlink()


if __name__ == "__main__":
    checkout = Path(sys.argv[1]).absolute()
    prepare_home(checkout / ".mlwf", project=checkout)
