"""`mlwf run`: bring a workflow up to date and say what was done."""

import logging
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click
import psutil

from mlwf_assets.cli.reply import Reply

if TYPE_CHECKING:
    from mlwf_assets.assets.execution import Outcome
    from mlwf_assets.spec.workflow import Workflow

_KEPT = "Stopped. What was finished is kept: the same command goes on from there."


@click.command("run", short_help="Bring a workflow up to date and say what was done.")
@click.argument("workflow")
@click.option(
    "--select", default="", metavar="ASSETS", help="Only these: 'features/*', '+models/ensemble', 'clean/x+'."
)
@click.option("--partitions", default="", metavar="A..B", help="Only these partitions, both ends included.")
@click.option("--force", is_flag=True, help="Compute everything that is asked for, also what is fresh.")
@click.option("--jobs", type=click.IntRange(min=1), metavar="N", help="Use at most N cores; by default all.")
@click.option("--processes", is_flag=True, help="Give each step a process of its own, which takes longer.")
@click.option(
    "--sample", metavar="SHARE", help="Take that share of the examples, e.g. 5%, apart from the full results."
)
@click.option("--json", is_flag=True, expose_value=False, help="Print one JSON document on stdout.")
@click.pass_obj
def run(
    reply: Reply,
    workflow: str,
    *,
    select: str,
    partitions: str,
    force: bool,
    jobs: int | None,
    processes: bool,
    sample: str | None,
) -> None:
    """Bring WORKFLOW (a name, or a folder with a defs.yaml) up to date; what is fresh is not touched."""
    from mlwf_assets.assets.execution import run_workflow
    from mlwf_assets.assets.planning import Asked
    from mlwf_assets.assets.stamps import Recorder
    from mlwf_assets.cli.home import find_home, prepare_home
    from mlwf_assets.cli.main import exit_code
    from mlwf_assets.cli.progress import Progress
    from mlwf_assets.cli.turns import taking_turns
    from mlwf_assets.cli.workflows import load_checked, take_sample_of
    from mlwf_assets.spec.sample import parse_share

    home = find_home()
    share = None if sample is None else parse_share(sample)
    spec = load_checked(workflow)
    if share is not None:
        spec = take_sample_of(spec, share)
    os.environ.update(prepare_home(home))
    _quiet()
    _use_cores(jobs)
    with taking_turns(home, spec.name, lambda words: click.echo(words, err=True)) as waited_s:
        start_s = _process_start_s() + waited_s
        with Progress(reasons=reply.as_json) as progress:
            outcome = run_workflow(
                spec,
                home,
                recorder=Recorder(listen=progress.listen),
                start_s=start_s,
                force=force,
                asked=Asked(select, partitions),
                processes=processes,
            )
        _show(reply, spec, outcome, home)
    if _was_stopped(outcome):
        raise KeyboardInterrupt(_KEPT)
    if outcome.failures or outcome.skipped:
        # What follows from the user's mistakes alone is one, too.
        codes = [exit_code(error) for error in outcome.failures.values()] or [1]
        raise click.exceptions.Exit(min(codes))


def _use_cores(jobs: int | None) -> None:
    """Keep to some cores: libraries start as many threads as they may use."""
    if jobs is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:jobs])


def _show(reply: Reply, workflow: "Workflow", outcome: "Outcome", home: Path) -> None:
    from mlwf_assets.cli.summary import as_document, print_summary

    if reply.as_json:
        reply.document(as_document(workflow, outcome, home))
    elif not _was_stopped(outcome):
        print_summary(workflow, outcome, home)


def _was_stopped(outcome: "Outcome") -> bool:
    """Whether a signal ended the run: Dagster raises it in a step, or ends quietly between two."""
    if not outcome.failures:
        return bool(outcome.skipped)
    import dagster as dg  # which takes longer than a run that has nothing to do

    return any(isinstance(error, dg.DagsterExecutionInterruptedError) for error in outcome.failures.values())


def _process_start_s() -> float:
    """When this process began, on the monotonic clock: the start of Python counts as orchestration too."""
    age_s: float = time.time() - psutil.Process().create_time()
    return time.monotonic() - age_s


def _quiet() -> None:
    """Keep the libraries' own chatter out of the progress display; warnings still come through."""
    for name in ("mlflow", "alembic", "optuna", "dagster", "distributed", "matplotlib"):
        logging.getLogger(name).setLevel(logging.WARNING)
