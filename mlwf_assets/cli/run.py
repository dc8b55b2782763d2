"""`mlwf run`: bring a workflow up to date and say what was done."""

import json
import logging
import os
import sys
import time

import click

_START_S = time.monotonic()


@click.command("run")
@click.argument("workflow")
@click.option("--force", is_flag=True, help="Compute everything, also what is fresh.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")
def run(workflow: str, *, force: bool, as_json: bool) -> None:
    """Bring WORKFLOW (a name, or a folder with a defs.yaml) up to date; what is fresh is not touched."""
    from mlwf_assets.cli.home import find_home, prepare_home

    home = find_home()
    os.environ.update(prepare_home(home))
    _quiet()

    from mlwf_assets.assets import stamps
    from mlwf_assets.assets.execution import run_workflow
    from mlwf_assets.cli.progress import Progress
    from mlwf_assets.cli.summary import as_document, print_summary
    from mlwf_assets.cli.workflows import load_checked

    spec = load_checked(workflow)
    with Progress() as progress:
        recorder = stamps.Recorder(listen=progress.listen)
        outcome = run_workflow(spec, home, recorder=recorder, start_s=_START_S, force=force)
    if as_json:
        click.echo(json.dumps(as_document(outcome), indent=2))
    else:
        print_summary(spec, outcome, home)
    sys.exit(1 if outcome.failures or outcome.skipped else 0)


def _quiet() -> None:
    """Keep the libraries' own chatter out of the progress display; warnings still come through."""
    for name in ("mlflow", "alembic", "optuna", "dagster", "distributed", "matplotlib"):
        logging.getLogger(name).setLevel(logging.WARNING)
