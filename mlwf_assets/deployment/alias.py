"""Which version an alias points to, read from MLflow's database without MLflow.

Each plan of a run asks for it, to see whether predictions are still those of the model that stands; importing MLflow
takes longer than all the rest of a plan. What is done with the version is the business of `standing.py`.
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlparse

from mlwf_assets.deployment.store import has_store, open_store

_QUERY = (
    "SELECT v.version, v.source FROM registered_model_aliases AS a "
    "JOIN model_versions AS v ON v.name = a.name AND v.version = a.version WHERE a.name = ? AND a.alias = ?"
)


def aliased_version(home: Path, registered_model: str, *, alias: str) -> str:
    """Name the version that an alias points to, and whether its files are there; "" where it points to none.

    Example:
        >>> aliased_version(Path("/no/such/home"), "trip-late", alias="champion")
        ''
    """
    if not has_store(home):
        return ""
    try:
        with closing(sqlite3.connect(home / "mlflow" / "mlflow.db", timeout=30)) as connection:
            found = connection.execute(_QUERY, (registered_model, alias)).fetchone()
    except sqlite3.Error:  # no tables yet, or those of another MLflow, which knows how to read them
        from mlwf_assets.deployment.champion import find_champion

        version = find_champion(open_store(home), registered_model, alias=alias)
        found = (version.version, version.source) if version is not None else None
    if found is None:
        return ""
    there = Path(unquote(urlparse(found[1]).path)).exists()
    return f"{found[0]} in {found[1]}{'' if there else ', gone'}"
