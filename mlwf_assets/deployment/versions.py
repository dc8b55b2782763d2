"""A registered model version by any of its names, and what it was made from.

Names: 'MODEL/VERSION', 'MODEL@ALIAS', 'MODEL' (its champion), each also after 'models:/', and the workflow's name in
the model's place. Only reads; nothing is loaded.
"""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

from mlwf_assets.deployment.provenance import FILE, Provenance, unpack
from mlwf_assets.deployment.store import Store, has_store, open_store
from mlwf_assets.errors import LakeError, ModelError
from mlwf_assets.lake.home import home_folder
from mlwf_assets.spec.mistakes import suggestion

_CHAMPION = "champion"
_NAME = re.compile(r"(?:models:/)?(?P<name>[^/@]+)(?:/(?P<version>\d+)|@(?P<alias>[^/@]+))?")


@dataclass(frozen=True)
class ModelVersion:
    """A version in the registry.

    Attributes:
        name: of the registered model.
        version: its number.
        workflow: the workflow that made it.
        run_id: of its MLflow run.
        source: where its files are.
    """

    name: str
    version: int
    workflow: str
    run_id: str
    source: str

    @property
    def folder(self) -> Path:
        """Where its files are, on this machine."""
        return Path(unquote(urlparse(self.source).path))

    @property
    def title(self) -> str:
        """How people call it."""
        return f"{self.name}/{self.version}"


def find_version(home: Path, written: str) -> ModelVersion:
    """Find a model version by its name.

    Args:
        home: the folder of all state.
        written: as above.
    Raises:
        ModelError: if there is none, saying which there are.
    """
    found = _NAME.fullmatch(written)
    if found is None:
        raise ModelError(
            f"a model version must be written NAME/VERSION, NAME@ALIAS or NAME, the name being a registered model's or "
            f"its workflow's, however: {written!r}"
        )
    versions = list_versions(home)
    same = [one for one in versions if one.name == found["name"]]
    same = same or [one for one in versions if one.workflow == found["name"]]
    if not same:
        names = [*{one.name: None for one in versions}, *{one.workflow: None for one in versions}]
        there = suggestion(found["name"], names) if names else " None is registered."
        raise ModelError(
            f"there must be a registered model, or a workflow with one, called {found['name']!r} in {home}.{there}"
        )
    return _choose(open_store(home), same, version=found["version"], alias=found["alias"] or _CHAMPION)


def _choose(store: Store, versions: Sequence[ModelVersion], *, version: str | None, alias: str) -> ModelVersion:
    if version is not None:
        chosen = [one for one in versions if one.version == int(version)]
    else:
        numbers = {name: _aliased(store, name, alias) for name in {one.name for one in versions}}
        chosen = [one for one in versions if numbers[one.name] == one.version]
    if len(chosen) == 1:
        return chosen[0]
    there = ", ".join(one.title for one in versions)
    wanted = f"version {version}" if version is not None else f"alias {alias!r}"
    if chosen:
        raise ModelError(f"{wanted} must be of one model, however: {', '.join(one.title for one in chosen)}")
    raise ModelError(f"there must be a {wanted} of {versions[0].name}, however: there is none. Registered: {there}")


def _aliased(store: Store, name: str, alias: str) -> int | None:
    number = store.client.get_registered_model(name).aliases.get(alias)
    return None if number is None else int(number)


def list_versions(home: Path) -> list[ModelVersion]:
    """Return all registered versions, by name and number; none where there is no store."""
    if not has_store(home):
        return []
    store, token, found = open_store(home), None, []
    while True:
        page = store.client.search_model_versions(max_results=1000, page_token=token)
        found += [_read(one) for one in page if one.tags.get("mlwf.workflow")]
        token = page.token
        if not token:
            return sorted(found, key=lambda one: (one.name, one.version))


def _read(one: Any) -> ModelVersion:
    return ModelVersion(one.name, int(one.version), one.tags["mlwf.workflow"], one.run_id or "", one.source)


def read_provenance(version: ModelVersion) -> Provenance:
    """Read what a model version was made from.

    Raises:
        ModelError: if it does not say so, or its files are gone.
    """
    import mlflow

    try:
        file = mlflow.artifacts.download_artifacts(artifact_uri=f"{version.source}/artifacts/{FILE}")
        content = Path(file).read_bytes()
    except (mlflow.MlflowException, OSError) as error:
        raise ModelError(
            f"{version.title} must carry {FILE} in {version.source}, however: it cannot be read ({error}). Models that "
            f"were registered by an earlier mlwf_assets have none: run the workflow again for a version that has"
        ) from error
    return unpack(content, of=version.title)


def pinned_versions(
    written: str, workflow: str, asset: str, *, home: str | os.PathLike[str] | None = None
) -> Mapping[str | None, int]:
    """Return, for an asset, in which versions of its table stands what a model was made from, by partition.

    Raises:
        ModelError: if there is no such model version, or it says nothing.
        LakeError: if it was not made from that asset.
    """
    root = home_folder() if home is None else Path(home).expanduser().absolute()
    version = find_version(root, written)
    tables, table = read_provenance(version).tables, f"{workflow}/{asset}"
    if table not in tables:
        known = suggestion(table, tables, shown=40)
        raise LakeError(f"{version.title} must have been made from {table}, however: it was not.{known}")
    return {one.partition: one.version for one in tables[table]}
