"""What people want to be told of a workflow, as it stands now; each piece has a name by which it is told once.

Nothing is sent here. A piece that is no longer true may be told again when it comes back.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import dagster as dg

from mlwf_assets.assets.automation.condition import WORKFLOW_TAG
from mlwf_assets.assets.automation.due import WAITS_S
from mlwf_assets.assets.automation.plan import Plan
from mlwf_assets.assets.automation.sources import Seen
from mlwf_assets.assets.causes import ago
from mlwf_assets.assets.deployment import GATE
from mlwf_assets.deployment.alias import aliased_version
from mlwf_assets.lake.fingerprint import hash_json
from mlwf_assets.lake.result import Entry
from mlwf_assets.lake.store import Lake
from mlwf_assets.spec.base import write_duration
from mlwf_assets.spec.workflow import Workflow

AUTOMATION_TAG = "mlwf/automation"
FAILURE, REFUSED, STALE, CHAMPION = "failure", "gate refused", "stale source", "new champion"
# These happen, and are not mended: the others last.
EVENTS = (REFUSED, CHAMPION)


@dataclass(frozen=True)
class News:
    """One piece.

    Attributes:
        kind: 'failure', 'gate refused', 'stale source' or 'new champion'.
        name: what it is known by.
        subject: in a line.
        text: all of it.
    """

    kind: str
    name: str
    subject: str
    text: str


def news_of_sources(workflow: Workflow, seen: Mapping[str, Seen]) -> Iterator[News]:
    """Sources that did not change for longer than the workflow file says."""
    limits = workflow.automation.stale_after if workflow.automation else {}
    for name, limit in limits.items():
        if name in seen and time.time() - seen[name].since_s > limit.total_seconds():
            since = ago(time.time() - seen[name].since_s)
            words = f"{workflow.name}: the files of {name} have not changed"
            yield News(
                STALE,
                f"stale {name} {seen[name].since_s}",
                f"{words} for too long",
                f"{words} since {since}; the workflow file expects a change within {write_duration(limit)}. "
                f"See whether whatever writes them still runs.",
            )


def news_of_runs(plan: Plan, workflow: str, instance: dg.DagsterInstance) -> Iterator[News]:
    """What failed and is not mended."""
    if plan.problem:
        yield _failure(f"plan {hash_json(plan.problem)}", f"{workflow} cannot run", plan.problem)
        return
    for one, failure in plan.failed():
        what = f"{one.step.name} {one.partition}" if one.partition else one.step.name
        text = f"{failure.words}\n\nThe run: /runs/{failure.run_id}\n{_what_comes(workflow)}"
        yield _failure(f"result {what} {one.recipe}", f"{workflow}: {what} failed", text)
    yield from _news_of_lost_runs(plan, workflow, instance)


def _news_of_lost_runs(plan: Plan, workflow: str, instance: dg.DagsterInstance) -> Iterator[News]:
    """The last run, if it failed without a result that failed: its process was killed, or never came to life."""
    ended = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]
    tags = {WORKFLOW_TAG: workflow, AUTOMATION_TAG: "true"}
    last = next(iter(instance.get_runs(filters=dg.RunsFilter(statuses=ended, tags=tags), limit=1)), None)
    if last is None or last.status == dg.DagsterRunStatus.SUCCESS:
        return
    noted = {failure.run_id for ones in plan.failures.values() for failure in ones.values()}
    if last.run_id not in noted:
        assets = sorted(key.to_user_string() for key in last.asset_selection or ())
        text = (
            "The run ended before its assets did: its process was killed, or did not start. What was finished is "
            f"kept.\n\nThe run: /runs/{last.run_id}\n{_what_comes(workflow)}"
        )
        yield _failure(f"run {hash_json(assets)}", f"{workflow}: a run failed", text)


def _failure(name: str, subject: str, text: str) -> News:
    return News(FAILURE, name, subject, text)


def _what_comes(workflow: str) -> str:
    waits = ", ".join(f"{seconds / 60:.0f}" for seconds in WAITS_S)
    return (
        f"It is tried again after {waits} min, and whenever data, workflow file or code change. How all stands: mlwf "
        f"status {workflow}"
    )


def news_of_deployment(workflow: Workflow, home: Path) -> Iterator[News]:
    """What the gate said last, if it refused, and the model that stands."""
    spec = workflow.deployment
    if spec is None:
        return
    entry: Entry | None = Lake(home / "lake").entries(f"{workflow.name}/deployment/model").get(None)
    verdict = str(entry.metadata.get("verdict", "")) if entry else ""
    passed = bool(entry and entry.metadata.get("checks", {}).get(GATE, {}).get("passed"))
    if entry is not None and not passed:
        subject = f"{workflow.name}: the gate refused the new model"
        text = f"{verdict}\n\nThe model that stands stays. The report: /reports/{workflow.name}/report.html"
        yield News(REFUSED, f"gate {entry.recipe}", subject, text)
    if version := aliased_version(home, spec.registered_model, alias=spec.alias).partition(" in ")[0]:
        subject = f"{workflow.name}: {spec.registered_model} version {version} is the new {spec.alias}"
        text = (
            f"{verdict}\n\nThe report: /reports/{workflow.name}/report.html"
            if passed
            else f"The alias {spec.alias} moved."
        )
        yield News(CHAMPION, f"champion {version}", subject, text)
