"""raw/SOURCE: rows as they came, by partition where the source has a time."""

from collections.abc import Callable

from mlwf_assets.assets.step import Output, Results, Step, Work
from mlwf_assets.spec.sources import FilesSource, Source
from mlwf_assets.spec.timeline import partition_names
from mlwf_assets.spec.workflow import Workflow


def raw_steps(workflow: Workflow) -> list[Step]:
    """Make a step for each source."""
    return [_raw_step(workflow, name, source) for name, source in workflow.sources.items()]


def is_partitioned(workflow: Workflow, source: Source) -> bool:
    """Say whether a source is cut by time."""
    return workflow.partitions is not None and isinstance(source, FilesSource) and source.time is not None


def _raw_step(workflow: Workflow, name: str, source: Source) -> Step:
    from mlwf_assets.lake.connectors import source_fingerprint

    return Step(
        outputs=(Output(f"raw/{name}", _describe(name, source), kinds=("deltalake", _form(source))),),
        inputs=(),
        compute=_reader(workflow, name, source),
        settings=[source.model_dump(mode="json"), _span(workflow, source)],
        partitioned=is_partitioned(workflow, source),
        external=lambda: source_fingerprint(source, workflow.folder),
    )


def _reader(workflow: Workflow, name: str, source: Source) -> Callable[[Work], Results]:
    def read(work: Work) -> Results:
        from mlwf_assets.lake.connectors import read_source

        cut = workflow.partitions if is_partitioned(workflow, source) else None
        names = [partition for partition in work.partitions if partition is not None]
        for partition, result in read_source(source, workflow.folder, cut, names or None).items():
            yield partition, {f"raw/{name}": result}

    return read


def _span(workflow: Workflow, source: Source) -> object:
    if not is_partitioned(workflow, source) or workflow.partitions is None:
        return None
    kept = workflow.partitions.model_dump(mode="json")
    return {**kept, "names": partition_names(workflow.partitions)[:1]}


def _describe(name: str, source: Source) -> str:
    if isinstance(source, FilesSource):
        where = f"package {source.package}" if source.package else "the workflow's folder"
        return f"The rows of {', '.join(source.path)} in {where}, as they came, each with its file and position."
    return f"The {len(source.rows)} rows of {name} that stand in the workflow file."


def _form(source: Source) -> str:
    if isinstance(source, FilesSource):
        return source.format or next((form for form in ("parquet", "json") if form in source.path[0]), "csv")
    return "yaml"
