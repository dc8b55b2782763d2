"""How every asset runs: look whether the lake has the result; compute only what it has not.

The one generator that stands behind all assets. It plans its step against the lake, restores what an older
recipe already made, computes the rest in one pass, writes partition by partition, and reports an event with
a data version - the fingerprint of the content - for each, computed or reused.
"""

import importlib
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import dagster as dg

from mlwf_assets.assets import metadata, stamps
from mlwf_assets.assets.causes import shorten
from mlwf_assets.assets.event_log import BATCH, together
from mlwf_assets.assets.failures import note_failure
from mlwf_assets.assets.gpu_quota import give_slot_back
from mlwf_assets.assets.leased import ComesAgain, StillWaiting
from mlwf_assets.assets.markdown import as_table
from mlwf_assets.assets.published import publish, published_links
from mlwf_assets.assets.recipes import Planned, Planner, output_recipe, step_code
from mlwf_assets.assets.records import record_begin, record_step
from mlwf_assets.assets.relay import recording_step
from mlwf_assets.assets.step import Output, Step, Work, table_names
from mlwf_assets.errors import ConflictError, LakeError, MlwfError
from mlwf_assets.features.quiet import quiet_libraries
from mlwf_assets.lake.fingerprint import hash_json
from mlwf_assets.lake.result import Entry, Result
from mlwf_assets.lake.store import Lake
from mlwf_assets.spec.sample import parse_sample_name
from mlwf_assets.spec.workflow import Workflow

FORCE_TAG = "mlwf/force"
# A run of the whole workflow: of some assets it asks for the newest partitions alone, whatever its range is.
NEWEST_TAG = "mlwf/newest"


def _command(step: Step) -> str:
    sample = parse_sample_name(step.workflow)
    return f"mlwf run {sample[0]} --sample {sample[1]}" if sample else f"mlwf run {step.workflow}"


@dataclass(frozen=True, eq=False)
class Done:
    """One output of one partition, as it stands in the lake now."""

    output: str
    planned: Planned
    entry: Entry
    reused: bool

    @property
    def partition(self) -> str | None:
        """The partition; None where there are none."""
        return self.planned.partition


def materialize(
    context: dg.AssetExecutionContext,
    workflow: Workflow,
    steps: Sequence[Step],
    step: Step,
    names: Sequence[str],
    home: Path,
) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
    """Bring a step's outputs up to date and report them to Dagster."""
    with recording_step() as recorder, recorder.failing(step.name):
        partitions = _asked(context, step, names)
        if not partitions:
            return
        lake = Lake(home / "lake")
        record_begin(workflow, steps, lake, home, context.run.run_id)
        runner = Runner(step, lake, home, context.run.run_id, recorder)
        planned = Planner(steps, home, names).plan_step(step, partitions)
        try:
            done = runner.run(planned, force=context.run.tags.get(FORCE_TAG) == "true")
        except StillWaiting as waits:
            again = give_slot_back(context, waits)
        else:
            record_step(step, lake, home, context.run.run_id)
            yield from _report(context, table_names(steps), step, done, home, lake)
            return
    raise again


def _asked(context: dg.AssetExecutionContext, step: Step, names: Sequence[str]) -> list[str | None]:
    """Which partitions are wanted: those of the Dagster run, of which a run of the workflow may want fewer."""
    if not step.partitioned:
        return [None]
    wanted = step.wanted(names) if NEWEST_TAG in context.run.tags else list(names)
    return [partition for partition in context.partition_keys if partition in wanted]


def _report(
    context: dg.AssetExecutionContext,
    tables: Mapping[str, str],
    step: Step,
    done: Sequence[Done],
    home: Path,
    lake: Lake,
) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
    """Report results and checks, then the single partitions: Dagster takes what comes last as the latest."""
    by_output = {output: [one for one in done if one.output == output.name] for output in step.outputs}
    shown: dict[Done, dict[str, Any]] = {}
    for output, ones in by_output.items():
        plot = metadata.rows_by_partition(list(lake.entries(tables[output.name]).values()))
        shown |= {one: _describe(step.workflow, output, one, home, plot) for one in ones}
    made = {one.partition for one in done}
    # A result stands for all partitions of the run: where fewer were asked for, each is reported by itself.
    whole = not step.partitioned or len(made) == len(context.partition_keys)
    for output, ones in by_output.items():
        if whole:
            yield _result(_key(tables[output.name]), ones, shown)
    for output, ones in by_output.items():
        yield from (_check(_key(tables[output.name]), name, ones) for name in output.checks)
    if len(made) > 1 or not whole:
        pointers = _event_pointers(context, tables, step)
        for start in range(0, len(done), BATCH):
            with together(context.instance):
                for one in done[start : start + BATCH]:
                    context.log_event(_event(tables, one, pointers, shown[one]))


def _key(table: str) -> dg.AssetKey:
    return dg.AssetKey(table.split("/"))


class Runner:
    """Computes, restores or reuses what was planned for one step."""

    def __init__(self, step: Step, lake: Lake, home: Path, run_id: str, recorder: stamps.Recorder) -> None:
        self._step, self._lake, self._home = step, lake, home
        self._run_id, self._recorder = run_id, recorder
        self._outputs = {output.name: output for output in step.outputs}

    def run(self, planned: Sequence[Planned], *, force: bool) -> list[Done]:
        """Return all outputs of all planned partitions, in the order of partitions."""
        blocked = next((one for one in planned if one.recipe is None), None)
        if blocked is not None:
            where = f" for partition {blocked.partition}" if blocked.partition else ""
            raise MlwfError(
                f"{self._step.name} needs its inputs{where} first, however: {'; '.join(shorten(blocked.because))}. "
                f"Materialize the assets above it, or run '{_command(self._step)}', which does all in order."
            )
        self._recorder.listen("start", self._step.name, f"{len(planned)} partitions" if planned[0].partition else "")
        done = [] if force else [made for one in planned for made in self._reuse(one)]
        ready = {made.partition for made in done}
        todo = [one for one in planned if one.partition not in ready]
        done += self._compute(todo) if todo else []
        for made in done:
            publish(self._home, self._lake, self._step.workflow, self._outputs[made.output], made.entry)
        order = {one.partition: place for place, one in enumerate(planned)}
        done.sort(key=lambda made: order[made.partition])
        self._recorder.done += done
        self._recorder.listen("done", self._step.name, "computed" if todo else "reused")
        return done

    def _reuse(self, one: Planned) -> list[Done]:
        """Report what is fresh; bring back what an older result already holds; else nothing."""
        found = one.found or {}
        if len(found) < len(self._step.outputs) or (self._step.acts and one.state != "fresh"):
            return []
        entries = dict(found)
        if one.state != "fresh":
            try:
                with self._recorder.working(self._step.name):
                    entries = {name: self._lake.restore(entry, run_id=self._run_id) for name, entry in found.items()}
            except ConflictError:
                raise
            except LakeError:  # an older result was taken away since the plan was made
                return []
        return [Done(name, one, entry, reused=True) for name, entry in entries.items()]

    def _compute(self, todo: Sequence[Planned]) -> list[Done]:
        with quiet_libraries():
            for module in self._step.preload:
                importlib.import_module(module)
        if self._step.refuse is not None:
            self._step.refuse()
        work = self._work(todo)
        by_partition = {one.partition: one for one in todo}
        done: list[Done] = []
        results = iter(self._step.compute(work))
        while True:
            with self._noting_failure(todo, done), self._recorder.working(self._step.name):
                start_s = time.monotonic()
                made = next(results, None)
                if made is None:
                    break
                partition, outputs = made
                seconds = time.monotonic() - start_s
                planned = by_partition[partition]
                done += [self._write(name, planned, result, seconds) for name, result in outputs.items()]
            self._recorder.listen("progress", self._step.name, partition or "")
        self._check_complete(todo, done)
        return done

    @contextmanager
    def _noting_failure(self, todo: Sequence[Planned], done: Sequence[Done]) -> Iterator[None]:
        """Note which partition was being made when it failed: they are made in order."""
        try:
            yield
        except ComesAgain:
            raise
        except Exception as error:
            made = {one.partition for one in done}
            failed = next((one for one in todo if one.partition not in made), todo[-1])
            note_failure(
                self._home, self._step, failed.partition, recipe=failed.recipe or "", error=error, run_id=self._run_id
            )
            raise

    def _work(self, todo: Sequence[Planned]) -> Work:
        return Work(
            workflow=self._step.workflow,
            lake=self._lake,
            home=self._home,
            partitions=tuple(one.partition for one in todo),
            inputs={edge.name: edge for edge in self._step.inputs},
            sources={(name, one.partition): read for one in todo for name, read in (one.sources or {}).items()},
            recipes={one.partition: one.recipe or "" for one in todo},
            run_id=self._run_id,
            report=lambda words: self._recorder.listen("progress", self._step.name, words),
        )

    def _write(self, output: str, planned: Planned, result: Result, seconds: float) -> Done:
        table = f"{self._step.workflow}/{output}"
        recipe = output_recipe(planned.recipe or "", table)
        try:
            entry = self._lake.write(
                table,
                planned.partition,
                replace(result, metadata=metadata.for_lake(result, self._outputs[output].columns)),
                recipe=recipe,
                run_id=self._run_id,
                seconds=seconds,
                made_from=planned.parts or {},
            )
        except ConflictError:
            # Another run made the same at the same time: backfills may overlap.
            faster = self._lake.entry(table, planned.partition)
            if faster is None or faster.recipe != recipe:
                raise
            return Done(output, planned, faster, reused=True)
        return Done(output, planned, entry, reused=False)

    def _check_complete(self, todo: Sequence[Planned], done: Sequence[Done]) -> None:
        written = {(made.output, made.partition) for made in done}
        wanted = {(output.name, one.partition) for output in self._step.outputs for one in todo}
        if written != wanted:
            raise MlwfError(
                f"{self._step.name} must write {sorted(wanted, key=str)}, however: {sorted(written, key=str)}"
            )


def _result(key: dg.AssetKey, done: Sequence[Done], shown: Mapping[Done, Any]) -> dg.MaterializeResult[Any]:
    """Report one output; where several partitions were made, each gets an event of its own after this one."""
    if len(done) > 1:
        version = hash_json([made.entry.fingerprint for made in done])
        return dg.MaterializeResult(asset_key=key, data_version=dg.DataVersion(version))
    fingerprint = done[0].entry.fingerprint
    return dg.MaterializeResult(asset_key=key, metadata=shown[done[0]], data_version=dg.DataVersion(fingerprint))


def _describe(workflow: str, output: Output, made: Done, home: Path, plot: str) -> dict[str, Any]:
    uri = (home / "lake" / made.entry.table).as_uri()
    links = published_links(workflow, output, made.partition)
    return metadata.for_dagster(made.entry, reused=made.reused, uri=uri, links=links, plot=plot)


def _check(key: dg.AssetKey, name: str, done: Sequence[Done]) -> dg.AssetCheckResult:
    """Join the outcomes of a check over the partitions, as kept with the results."""
    outcomes = {made.partition: made.entry.metadata.get("checks", {}).get(name) for made in done}
    failed = {partition: one for partition, one in outcomes.items() if one is None or not one["passed"]}
    first = next(iter(failed.values() or outcomes.values()))
    rows = [
        {"partition": partition or "all", **(one["metadata"] if one else {})} for partition, one in outcomes.items()
    ]
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=name,
        passed=not failed,
        description=first["description"] if first else "no outcome is kept with the result",
        metadata={"by partition": dg.MarkdownMetadataValue(_by_column(rows))},
    )


def _by_column(rows: Sequence[Mapping[str, Any]]) -> str:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    return as_table(columns, [[str(row.get(name, "")) for name in columns] for row in rows])


def _event_pointers(context: dg.AssetExecutionContext, tables: Mapping[str, str], step: Step) -> dict[str, str]:
    """Return the event-log position of each input, by which Dagster tells whether it was written since."""
    pointers = {}
    for edge in step.inputs:
        key = _key(tables[edge.name])
        records = context.instance.fetch_materializations(key, limit=1).records
        pointers[edge.name] = str(records[0].storage_id) if records else "NULL"
    return pointers


def _event(
    tables: Mapping[str, str], made: Done, pointers: Mapping[str, str], shown: Mapping[str, Any]
) -> dg.AssetMaterialization:
    """Make one partition's event, with the tags by which Dagster knows its version and its inputs."""
    tags = {
        "dagster/data_version": made.entry.fingerprint,
        "dagster/data_version_is_user_provided": "true",
        "dagster/code_version": step_code(made.planned.step),
    }
    for name, entries in (made.planned.sources or {}).items():
        key = _key(tables[name]).to_user_string()
        versions = [entry.fingerprint for entry in entries]
        tags[f"dagster/input_data_version/{key}"] = versions[0] if len(versions) == 1 else hash_json(versions)
        tags[f"dagster/input_event_pointer/{key}"] = pointers[name]
    return dg.AssetMaterialization(
        asset_key=_key(tables[made.output]),
        partition=made.partition,
        metadata=shown,
        tags=tags,
    )
