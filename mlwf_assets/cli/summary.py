"""The end of a run: what was done, where the time went, how good the models are, and where to look on.

For people in at most 100 columns where the output is no terminal, and as one JSON document. Everything is
read from the run's outcome and from what the lake holds; nothing is computed here.
"""

import functools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mlwf_assets.assets.execution import Outcome
from mlwf_assets.assets.graph import workflow_partitions
from mlwf_assets.assets.raw import ALMOST
from mlwf_assets.assets.step import Step
from mlwf_assets.cli.served import running_address
from mlwf_assets.cli.warnings import text_by_accident
from mlwf_assets.errors import MlwfError
from mlwf_assets.lake.result import Entry
from mlwf_assets.lake.store import Lake
from mlwf_assets.spec.partitions import NamedPartitions
from mlwf_assets.spec.sample import write_share
from mlwf_assets.spec.workflow import Workflow

_WIDTH = 100
_SHOWN_GAP_S = 0.05
_REPORT, _MODEL, _PREDICTIONS = "evaluation/report", "deployment/model", "deployment/predictions"
_EVALUATION = "evaluation.json"

Justify = Literal["left", "right"]
# Says what a table holds now, by partition.
Held = Callable[[str], Mapping[str | None, Entry]]


def as_document(workflow: Workflow, outcome: Outcome, home: Path) -> dict[str, Any]:
    """Say what was done and how good it is as one JSON document.

    Keys of assets are 'asset/key' or 'asset/key@partition'. What a failed run did not come to is null.
    """
    fresh = [_name(output.name, one.partition) for one in outcome.fresh for output in one.step.outputs]
    return {
        "workflow": workflow.name,
        "sample_of": workflow.whole_name if workflow.share else None,
        "computed": [_name(made.output, made.partition) for made in outcome.done if not made.reused],
        "reused": fresh + [_name(made.output, made.partition) for made in outcome.done if made.reused],
        "failed": [*outcome.failures, *outcome.skipped],
        "errors": {name: _reason(error) for name, error in outcome.failures.items()},
        "seconds": round(outcome.seconds, 3),
        "orchestration_share": round(outcome.orchestration_share, 4),
        "run_id": outcome.run_id,
        **_quality(workflow, outcome, Lake(home / "lake")),
        "warnings": _warnings(workflow, Lake(home / "lake").entries),
        "report": None if outcome.failures else str(_report_file(workflow, home)),
    }


def _quality(workflow: Workflow, outcome: Outcome, lake: Lake) -> dict[str, Any]:
    evaluation = _evaluation(workflow, outcome, lake)
    decision = None if outcome.failures else _decision(workflow, lake)
    if evaluation is None:
        return {"leaderboard": None, "test_metrics": None, "gate": decision}
    leaderboard = [
        {"model": one["name"], "before": one["before"]["score"], "test": _value(one["test"]), "weight": one["weight"]}
        for one in evaluation["leaderboard"]
    ]
    metrics = {one["name"]: _value(one) for one in evaluation["metrics"]}
    return {"leaderboard": leaderboard, "test_metrics": metrics, "gate": decision}


def _value(one: Mapping[str, Any]) -> dict[str, Any]:
    return {name: one[name] for name in ("value", "low", "high")}


def _evaluation(workflow: Workflow, outcome: Outcome, lake: Lake) -> dict[str, Any] | None:
    """Read what the report was made from; None where there is none, or may be of an earlier state."""
    entry = lake.entry(f"{workflow.name}/{_REPORT}")
    if outcome.failures or entry is None:
        return None
    found: dict[str, Any] = json.loads(lake.file_bytes(entry, _EVALUATION))
    return found


def _decision(workflow: Workflow, lake: Lake) -> dict[str, Any] | None:
    """Read what the gate said; None where nothing is to be deployed."""
    entry = lake.entry(f"{workflow.name}/{_MODEL}")
    if entry is None or workflow.deployment is None:
        return None
    found: dict[str, Any] = lake.read(entry.table).to_pylist()[0]
    return found


def _report_file(workflow: Workflow, home: Path) -> Path:
    return home / "reports" / workflow.name / "report.html"


def _name(asset: str, partition: str | None) -> str:
    return f"{asset}@{partition}" if partition else asset


def _reason(error: BaseException) -> str:
    return str(error) if isinstance(error, MlwfError) else f"{type(error).__name__}: {error}"


def print_summary(workflow: Workflow, outcome: Outcome, home: Path) -> None:
    """Print the summary to stdout; failures to stderr."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_WIDTH)
    lake = Lake(home / "lake")
    held = functools.cache(lake.entries)  # of thousands of partitions, looking them up takes seconds
    console.print(f"\n[bold]{workflow.name}[/]: {escape(workflow.project.question)}\n")
    console.print(_assets(workflow, outcome, held))
    _print_time(console, outcome)
    if (evaluation := _evaluation(workflow, outcome, lake)) is not None:
        for table in (_leaderboard(evaluation), _metrics(evaluation)):
            console.print()
            console.print(table)
    for words in _warnings(workflow, held):
        console.print(f"\nNote: {words}", soft_wrap=True, markup=False)
    if outcome.failures:
        _print_failures(outcome, home)
    else:
        _print_places(console, workflow, lake, held, home)


def _warnings(workflow: Workflow, held: Held) -> list[str]:
    tables = {source: held(f"{workflow.whole_name}/raw/{source}").values() for source in workflow.sources}
    found = {source: [entry.metadata.get(ALMOST, {}) for entry in entries] for source, entries in tables.items()}
    return list(text_by_accident(workflow, found))


def _table(*columns: tuple[str, Justify], title: str = "") -> Table:
    table = Table(title=title or None, title_justify="left", box=None, pad_edge=False, title_style="bold")
    for name, justify in columns:
        table.add_column(name, justify=justify, header_style="dim", no_wrap=justify == "right")
    return table


def _assets(workflow: Workflow, outcome: Outcome, held: Held) -> Table:
    table = _table(("asset", "left"), ("rows", "right"), ("seconds", "right"), ("", "left"))
    names = workflow_partitions(workflow)
    for step in outcome.steps:
        for output in step.outputs:
            entries = _looked_after(held, step, output.name, names)
            is_now = entries and step.name not in {*outcome.failures, *outcome.skipped}
            rows = f"{sum(entry.rows for entry in entries.values()):,}" if is_now else "-"
            # A step's outputs come about together: its time is said once.
            seconds = _seconds(output.name, outcome) if output is step.outputs[0] else ""
            table.add_row(output.name, rows, seconds, _what_was_done(step.name, output.name, entries, outcome))
    return table


def _looked_after(held: Held, step: Step, output: str, names: Sequence[str]) -> Mapping[str | None, Entry]:
    """What a table holds; of a step of which a run asks for the newest partitions alone, those."""
    entries = held(f"{step.workflow}/{output}")
    if step.newest is None:
        return entries
    return {partition: entries[partition] for partition in step.wanted(names) if partition in entries}


def _seconds(output: str, outcome: Outcome) -> str:
    spent = [made.entry.seconds for made in outcome.done if made.output == output and not made.reused]
    return f"{sum(spent):.1f}" if spent else ""


def _what_was_done(step: str, output: str, entries: Mapping[str | None, Entry], outcome: Outcome) -> str:
    if step in outcome.failures:
        return "[red]failed[/]"
    if step in outcome.skipped or not entries:
        return "not made"
    computed = sum(made.output == output and not made.reused for made in outcome.done)
    if None in entries:
        return "[green]computed[/]" if computed else "reused"
    parts = {"computed": computed, "reused": len(entries) - computed}
    counted = [f"{what} {count}" for what, count in parts.items() if count > 0]
    return ", ".join(counted) + (" partition" if len(entries) == 1 else " partitions")


def _leaderboard(evaluation: Mapping[str, Any]) -> Table:
    """Every model side by side, as the report ranks them."""
    metric = next(one for one in evaluation["metrics"] if one["name"] == evaluation["subject"]["metric"])
    table = _table(
        ("model", "left"), ("before the test", "right"), ("test", "right"), ("95 % interval", "right"),
        ("weight", "right"), title=f"Leaderboard by {metric['label']}",
    )  # fmt: skip
    for one in evaluation["leaderboard"]:
        test = one["test"]
        table.add_row(
            one["name"], _number(one["before"]["score"]), _number(test["value"]), _interval(test), _share(one["weight"])
        )
    return table


def _metrics(evaluation: Mapping[str, Any]) -> Table:
    title = f"On {evaluation['rows']:,} test rows"
    table = _table(("metric", "left"), ("value", "right"), ("95 % interval", "right"), title=title)
    for one in evaluation["metrics"]:
        table.add_row(one["label"], _number(one["value"]), _interval(one))
    return table


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.4f}"


def _interval(one: Mapping[str, float | None]) -> str:
    return "" if one["low"] is None else f"{_number(one['low'])} to {_number(one['high'])}"


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _print_time(console: Console, outcome: Outcome) -> None:
    if not outcome.run_id:
        console.print(f"\n{outcome.seconds:.1f} s in all; everything was fresh, nothing was computed.")
        return
    console.print(
        f"\n{outcome.seconds:.1f} s in all; in {outcome.orchestration_share:.1%} of it no library function ran."
    )
    gaps = [gap for gap in outcome.gaps if gap.seconds >= _SHOWN_GAP_S]
    if gaps:
        table = _table(("seconds", "right"), ("between", "left"), title="The largest gaps")
        for gap in gaps:
            table.add_row(f"{gap.seconds:.2f}", f"{gap.after} and {gap.before}")
        console.print(table, style="dim")


def _print_places(console: Console, workflow: Workflow, lake: Lake, held: Held, home: Path) -> None:
    """Print where to look on, each on a line of its own that can be copied."""
    console.print()
    for name, place in _places(workflow, lake, held, home):
        console.print(f"{name:<10} {place}", soft_wrap=True, markup=False)


def _places(workflow: Workflow, lake: Lake, held: Held, home: Path) -> Iterator[tuple[str, str]]:
    tables = [held(f"{workflow.whole_name}/quarantine/{name}").values() for name in workflow.tables]
    if rows := sum(entry.rows for entries in tables for entry in entries):
        folder = home / "reports" / workflow.whole_name / "quarantine"
        yield "Quarantine", f"{rows:,} rows, each with its reason: {folder}"
    if workflow.share:
        words = f"{write_share(workflow.share)} of the examples of {workflow.whole_name}, kept apart as {workflow.name}"
        yield "Sample", f"{words}; no model is registered"
    if lake.entry(f"{workflow.name}/{_REPORT}") is not None:
        yield "Report", str(_report_file(workflow, home))
    if (decision := _decision(workflow, lake)) is not None:
        if decision["passed"]:
            name, alias = decision["registered_model"], decision["alias"]
            yield "Model", f"models:/{name}@{alias}, version {decision['version']}"
        else:
            yield "Model", "not deployed"
        yield "Gate", decision["reason"]
        yield from _predictions(workflow, lake, home)
        yield "MLflow", f"MLFLOW_TRACKING_URI=sqlite:///{home / 'mlflow' / 'mlflow.db'}"
    address = running_address(home)
    yield "UI", address or "mlwf up"


def _predictions(workflow: Workflow, lake: Lake, home: Path) -> Iterator[tuple[str, str]]:
    """Say what was predicted: of the newest partition, or where partitions have names, of all of them."""
    entries = [
        entry
        for partition, entry in lake.entries(f"{workflow.name}/{_PREDICTIONS}").items()
        if not isinstance(workflow.partitions, NamedPartitions) or partition in workflow.partitions.names
    ]
    if not entries:
        return
    shown = entries[-1:] if workflow.timeline or workflow.partitions is None else entries
    with_rows = [entry for entry in shown if entry.rows]
    if not with_rows:
        yield "Predicted", f"nothing: {shown[-1].metadata['nothing was predicted']}"
        return
    rows, predicted = (
        sum(counts) for counts in zip(*((e.rows, e.metadata["predicted"]) for e in with_rows), strict=True)
    )
    if len(shown) > 1:
        place = "predictions"
    else:
        place = f"predictions/{shown[0].partition}.csv" if shown[0].partition else "predictions.csv"
    where = home / "reports" / workflow.name / place
    yield "Predicted", f"{predicted:,} of {rows:,} rows by {with_rows[-1].metadata['model']}: {where}"


def _print_failures(outcome: Outcome, home: Path) -> None:
    console = Console(stderr=True, highlight=False)
    for name, error in outcome.failures.items():
        console.print(f"\n{name} failed: {_reason(error)}", style="red", markup=False, soft_wrap=True)
    if outcome.skipped:
        console.print(f"Not made because of it: {', '.join(outcome.skipped)}", markup=False, soft_wrap=True)
    where = running_address(home) or "mlwf up"
    console.print(f"The run {outcome.run_id} holds the trace: {where}", markup=False, soft_wrap=True)
