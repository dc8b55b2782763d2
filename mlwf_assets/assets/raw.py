"""raw/SOURCE: rows as they came, by partition where the source has a time."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from mlwf_assets.assets.step import Output, Results, Step, Work
from mlwf_assets.spec.sources import FilesSource, Source
from mlwf_assets.spec.workflow import Workflow

ALMOST = "almost another type"  # text columns of which most values are numbers or dates, with those that are not


def raw_steps(workflow: Workflow) -> list[Step]:
    """Make a step for each source."""
    return [_raw_step(workflow, name, source) for name, source in workflow.sources.items()]


def _raw_step(workflow: Workflow, name: str, source: Source) -> Step:
    def external(_: Path) -> str:
        from mlwf_assets.lake.connectors import source_fingerprint

        return source_fingerprint(source, workflow.folder)

    return Step(
        outputs=(Output(f"raw/{name}", _describe(name, source), kinds=("deltalake", _form(source))),),
        inputs=(),
        compute=_reader(workflow, name, source),
        settings=[source.model_dump(mode="json"), _span(workflow, name)],
        libraries=("duckdb", "pyarrow"),
        partitioned=workflow.is_partitioned_source(name),
        external=external,
        outside="its files" if isinstance(source, FilesSource) else "its rows",
    )


def _reader(workflow: Workflow, name: str, source: Source) -> Callable[[Work], Results]:
    def read(work: Work) -> Results:
        from mlwf_assets.lake.connectors import read_source
        from mlwf_assets.lake.connectors.almost import almost_typed

        decimal = source.csv.decimal if isinstance(source, FilesSource) else "."
        cut = workflow.partitions if workflow.is_partitioned_source(name) else None
        names = [partition for partition in work.partitions if partition is not None]
        for partition, result in read_source(source, workflow.folder, cut, names or None).items():
            almost = almost_typed(result.table, json.loads(result.files["types.json"]), decimal=decimal)
            yield partition, {f"raw/{name}": replace(result, metadata={**result.metadata, ALMOST: almost})}

    return read


def _span(workflow: Workflow, name: str) -> object:
    """How time is cut; the end is left out, for a later end changes no partition that was there before."""
    if workflow.partitions is None or not workflow.is_partitioned_source(name):
        return None
    # Which other names there are changes no partition: rows without a name stand beside their neighbours of any name.
    return workflow.partitions.model_dump(mode="json", exclude={"end", "names", "per_run"})


def _describe(name: str, source: Source) -> str:
    if isinstance(source, FilesSource):
        where = f"package {source.package}" if source.package else "the workflow's folder"
        return f"The rows of {', '.join(source.path)} in {where}, as they came, each with its file and position."
    return f"The {len(source.rows)} rows of {name} that stand in the workflow file."


def _form(source: Source) -> str:
    if isinstance(source, FilesSource):
        return source.format or next((form for form in ("parquet", "json") if form in source.path[0]), "csv")
    return "yaml"
