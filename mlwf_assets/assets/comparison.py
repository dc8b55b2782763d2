"""Two runs or model versions side by side: workflow file, data, features, parameters, metrics.

Of each side the tables are read as the run left them, or as the model was made from them; what was taken away since is
told as unknown. Everything is flat, name -> value, so that any two sides can be laid beside each other.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlwf_assets.deployment.provenance import Provenance
from mlwf_assets.deployment.store import has_store
from mlwf_assets.deployment.versions import find_version, read_provenance
from mlwf_assets.errors import LakeError, ModelError
from mlwf_assets.lake.fingerprint import hash_bytes
from mlwf_assets.lake.loading import entries_as_of, pinned_entries
from mlwf_assets.lake.result import Entry
from mlwf_assets.lake.runs import Run, find_run
from mlwf_assets.lake.store import Lake
from mlwf_assets.spec.loader import FILE_NAME
from mlwf_assets.spec.yaml_text import parse_yaml

SECTIONS = ("metrics", "spec", "code", "features", "parameters", "data")
Values = Mapping[str, Any]
_DATA = ("raw", "clean", "quarantine", "datasets")
Entries = Mapping[str | None, Entry]


@dataclass(frozen=True)
class Side:
    """One of the two.

    Attributes:
        title: how people call it.
        workflow: its workflow.
        values: section -> name -> value.
        unknown: what cannot be told any more, and why.
    """

    title: str
    workflow: str
    values: Mapping[str, Values]
    unknown: Sequence[str]


@dataclass(frozen=True)
class Comparison:
    """Both, and what differs.

    Attributes:
        one: the first.
        other: the second.
        different: section -> name -> (value of the first, value of the second); None: it has none.
        same: section -> how many values are the same.
    """

    one: Side
    other: Side
    different: Mapping[str, Mapping[str, tuple[Any, Any]]]
    same: Mapping[str, int]


def compare(home: Path, one: str, other: str) -> Comparison:
    """Compare two runs or model versions.

    Args:
        home: the folder of all state.
        one: a run's id or the beginning of it, or a model version as `mlwf reproduce` takes it.
        other: the same.
    Raises:
        LakeError, ModelError: if there is no such run and no such model version.
    """
    sides = [_side(home, written) for written in (one, other)]
    different: dict[str, dict[str, tuple[Any, Any]]] = {}
    same = {}
    for section in SECTIONS:
        first, second = (side.values[section] for side in sides)
        names = dict.fromkeys([*first, *second])
        pairs = {name: (first.get(name), second.get(name)) for name in names}
        different[section] = {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
        same[section] = len(pairs) - len(different[section])
    return Comparison(sides[0], sides[1], different, same)


def _side(home: Path, written: str) -> Side:
    """Find a run of that id, or else a model version of that name."""
    try:
        run = find_run(home, written)
    except LakeError as no_run:
        if not has_store(home):
            raise
        try:
            version = find_version(home, written)
        except ModelError as no_model:
            raise ModelError(
                f"{written!r} must be a run or a model version, however: {no_run} And: {no_model}"
            ) from no_model
        return _of_model(home, version.title, read_provenance(version))
    return _of_run(home, run)


def _of_run(home: Path, run: Run) -> Side:
    lake = Lake(home / "lake")

    def entries(table: str) -> Entries:
        version = run.versions.get(table)
        return {} if version is None else entries_as_of(lake.history(table), version, table)

    values = {"spec": _spec(run.file, run.python), "code": run.libraries}
    return _to_side(f"run {run.run_id}", run.workflow, values, lake, list(run.versions), entries)


def _of_model(home: Path, title: str, made: Provenance) -> Side:
    lake = Lake(home / "lake")

    def entries(table: str) -> Entries:
        return pinned_entries(lake, table, {one.partition: one.version for one in made.tables.get(table, ())})

    values = {"spec": _spec(made.file, made.python), "code": made.libraries}
    return _to_side(f"model {title}", made.workflow, values, lake, list(made.tables), entries)


def _to_side(
    title: str,
    workflow: str,
    values: Mapping[str, Values],
    lake: Lake,
    tables: Sequence[str],
    entries: Callable[[str], Entries],
) -> Side:
    found = {table.partition("/")[2]: entries(table) for table in tables if _is_of(table, workflow)}
    gone = [name for name, ones in found.items() if not all(lake.is_readable(one) for one in ones.values())]
    code = {f"code of {name}": _code(ones) for name, ones in found.items() if ones}
    results = _results(lake, found)
    unknown = [f"{name}: its rows are gone" for name in gone]
    return Side(title, workflow, {**values, "code": {**code, **values["code"]}, **results}, unknown)


def _code(found: Entries) -> str:
    """Name the code behind a table's results, which may be of several times."""
    return ", ".join(sorted({entry.made_from.get("code", "")[:12] for entry in found.values()}))


def _is_of(table: str, workflow: str) -> bool:
    """Whether a table is the workflow's or, for a sample, of the whole one; predictions and the verdict come after."""
    name, _, asset = table.partition("/")
    return not asset.startswith("deployment/") and (workflow == name or workflow.startswith(f"{name}_sample_"))


def _spec(file: str, python: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """The workflow file, flat: 'models.budget' -> '2min'; of the own Python files the hash of each."""
    data = parse_yaml(file).data
    attributes = data.get("attributes", data) if isinstance(data, dict) else {FILE_NAME: file}
    return dict(flatten(attributes)) | {name: f"text {hash_bytes(text.encode())[:12]}" for name, text in python}


def flatten(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Give what is nested as place and value.

    Example:
        >>> list(flatten({"models": {"budget": "2min", "families": ["linear"]}}))
        [('models.budget', '2min'), ('models.families', 'linear')]
    """
    if isinstance(value, Mapping) and value:
        for name, one in value.items():
            yield from flatten(one, f"{place}.{name}" if place else str(name))
    elif isinstance(value, list) and not any(isinstance(one, Mapping | list) for one in value):
        yield place, ", ".join(map(str, value))
    elif isinstance(value, list):
        for number, one in enumerate(value, 1):
            yield from flatten(one, f"{place}.{number}")
    else:
        yield place, value


def _results(lake: Lake, by_asset: Mapping[str, Entries]) -> dict[str, Values]:
    data = {name: value for asset, found in by_asset.items() for name, value in _data(asset, found)}
    features, parameters, metrics = {}, {}, {}
    # What is gone is told by itself.
    with suppress(LakeError):
        features = _features(lake, by_asset)
    with suppress(LakeError):
        parameters = dict(_parameters(lake, by_asset))
    with suppress(LakeError):
        metrics = dict(_metrics(lake, by_asset))
    return {"data": data, "features": features, "parameters": parameters, "metrics": metrics}


def _data(asset: str, found: Entries) -> Iterator[tuple[str, Any]]:
    """Rows and content of the tables up to the splits, by partition."""
    if asset.partition("/")[0] in _DATA:
        for partition, entry in found.items():
            name = f"{asset} {partition}" if partition else asset
            yield name, f"{entry.rows:,} rows, {entry.fingerprint[:12]}"


def _features(lake: Lake, by_asset: Mapping[str, Entries]) -> dict[str, Any]:
    """The features that models saw, each with its kind."""
    entry = by_asset.get("features/matrix", {}).get(None)
    if entry is None:
        return {}
    return {str(one["name"]): one["kind"] for one in json.loads(lake.file_bytes(entry, "features.json"))}


def _parameters(lake: Lake, by_asset: Mapping[str, Entries]) -> Iterator[tuple[str, Any]]:
    """What was chosen: of each family the first model's parameters and rounds, the weights, the threshold."""
    for asset, found in by_asset.items():
        entry = found.get(None)
        if entry is None or not asset.startswith("models/"):
            continue
        if "family.json" in entry.files:
            family = json.loads(lake.file_bytes(entry, "family.json"))
            for number, model in enumerate(family["models"], 1):
                which = f"{family['family']} {number}" if len(family["models"]) > 1 else family["family"]
                yield from flatten({"rounds": model["rounds"], **model["params"]}, which)
        if asset == "models/ensemble":
            yield from flatten({name: entry.metadata.get(name) for name in ("weights", "threshold")}, "ensemble")


def _metrics(lake: Lake, by_asset: Mapping[str, Entries]) -> Iterator[tuple[str, Any]]:
    """What the models reached before the test, and the blend on the test rows."""
    leaderboard, report = (by_asset.get(name, {}).get(None) for name in ("models/leaderboard", "evaluation/report"))
    if leaderboard is not None:
        for row in lake.read_entries([leaderboard]).to_pylist():
            yield f"{row['model']} before the test", row["score"]
    if report is not None:
        for row in lake.read_entries([report]).to_pylist():
            yield f"test {row['metric']}", row["value"]
