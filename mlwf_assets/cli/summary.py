"""The end of a run: what was done, the leaderboard, the test metrics, and where to look on."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
from rich.console import Console
from rich.table import Table

from mlwf_assets.assets.execution import Outcome
from mlwf_assets.errors import MlwfError
from mlwf_assets.lake.result import Entry
from mlwf_assets.lake.store import Lake
from mlwf_assets.spec.workflow import Workflow

_DIGITS = 4


def as_document(outcome: Outcome) -> dict[str, Any]:
    """Say what was done as one JSON document; keys are 'asset/key' or 'asset/key@partition'."""
    fresh = [_name(output.name, one.partition) for one in outcome.fresh for output in one.step.outputs]
    return {
        "computed": [_name(made.output, made.partition) for made in outcome.done if not made.reused],
        "reused": fresh + [_name(made.output, made.partition) for made in outcome.done if made.reused],
        "failed": [*outcome.failures, *outcome.skipped],
        "errors": {name: str(error) for name, error in outcome.failures.items()},
        "seconds": round(outcome.seconds, 3),
        "orchestration_share": round(outcome.orchestration_share, 4),
        "run_id": outcome.run_id,
    }


def _name(asset: str, partition: str | None) -> str:
    return f"{asset}@{partition}" if partition else asset


def print_summary(workflow: Workflow, outcome: Outcome, home: Path) -> None:
    """Print the summary to stdout, and failures to stderr."""
    console = Console(highlight=False, soft_wrap=True)
    lake = Lake(home / "lake")
    console.print(_assets(workflow, outcome, lake))
    for title, name in (("Leaderboard", "models/leaderboard"), ("On the test examples", "evaluation/report")):
        if not outcome.failures and (entry := lake.entry(f"{workflow.name}/{name}")) is not None:
            console.print()
            console.print(_table(title, lake.read(entry.table)))
    _print_time(console, outcome)
    if outcome.failures:
        _print_failures(outcome)
    else:
        _print_places(console, workflow, lake, home)


def _assets(workflow: Workflow, outcome: Outcome, lake: Lake) -> Table:
    table = Table(title=f"{workflow.name}: {workflow.project.question}", title_justify="left", box=None)
    for name, justify in (("asset", "left"), ("rows", "right"), ("seconds", "right"), ("", "left")):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    for step in outcome.steps:
        for output in step.outputs:
            entries = lake.entries(f"{workflow.name}/{output.name}")
            table.add_row(output.name, *_cells(output.name, entries, outcome))
    return table


def _cells(name: str, entries: Mapping[str | None, Entry], outcome: Outcome) -> tuple[str, str, str]:
    computed = [made for made in outcome.done if made.output == name and not made.reused]
    rows = f"{sum(entry.rows for entry in entries.values()):,}" if entries else "-"
    seconds = f"{sum(made.entry.seconds for made in computed):.1f}" if computed else ""
    if not computed:
        missing = name in outcome.skipped or name in outcome.failures or not entries
        return rows, seconds, "not made" if missing else "reused"
    reused = len(entries) - len(computed)
    parts = f" {len(computed)} partitions" if len(entries) > 1 else ""
    return rows, seconds, f"computed{parts}" + (f", reused {reused}" if reused > 0 else "")


def _table(title: str, rows: pa.Table) -> Table:
    table = Table(title=title, title_justify="left", box=None)
    for field in rows.schema:
        numeric = pa.types.is_floating(field.type) or pa.types.is_integer(field.type)
        table.add_column(field.name, justify="right" if numeric else "left", overflow="ellipsis", max_width=48)
    for row in rows.to_pylist():
        table.add_row(*(_cell(value) for value in row.values()))
    return table


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.{_DIGITS}f}" if isinstance(value, float) else str(value)


def _print_time(console: Console, outcome: Outcome) -> None:
    console.print(
        f"\n{outcome.seconds:.1f} s in all; in {outcome.orchestration_share:.1%} of it no library function ran."
    )
    if outcome.run_id:
        for gap in outcome.gaps:
            console.print(f"  {gap.seconds:6.2f} s  after {gap.after}, before {gap.before}", style="dim")


def _print_places(console: Console, workflow: Workflow, lake: Lake, home: Path) -> None:
    console.print(f"\nReport:  {home / 'reports' / workflow.name / 'report.html'}")
    model = lake.entry(f"{workflow.name}/deployment/model")
    if model is not None and workflow.deployment is not None:
        decision = lake.read(model.table).to_pylist()[0]
        if decision["passed"]:
            name, version = workflow.deployment.registered_model, decision["version"]
            console.print(f"Model:   models:/{name}@{workflow.deployment.alias} (version {version}) in MLflow")
        else:
            console.print(f"Model:   not deployed: {decision['reason']}")
    console.print("UI:      mlwf up")


def _print_failures(outcome: Outcome) -> None:
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    for name, error in outcome.failures.items():
        words = str(error) if isinstance(error, MlwfError) else f"{type(error).__name__}: {error}"
        console.print(f"\n{name} failed: {words}", style="red", markup=False)
    if outcome.skipped:
        console.print(f"Not made because of it: {', '.join(outcome.skipped)}", markup=False)
    console.print(f"The run {outcome.run_id} holds the trace: mlwf up", markup=False)
