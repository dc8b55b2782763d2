"""`mlwf gpu`: the group, and the two commands that try quotas on a file before they are put to work."""

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mlwf_assets.cli.gpu_ledger import cancel, drain, explain, init, status, usage
from mlwf_assets.cli.gpu_run import run
from mlwf_assets.cli.reply import Reply

if TYPE_CHECKING:
    from mlwf_assets.gpu.model import Job


@click.group("gpu", short_help="Share the GPUs of this machine by quota.")
def gpu() -> None:
    """Share the GPUs of this machine by quota: guaranteed shares, lent while idle, taken back in order."""


for _command in (init, run, status, explain, usage, cancel, drain):
    gpu.add_command(_command)


@gpu.command("simulate", short_help="Say who would run, and where.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", is_flag=True, expose_value=False, help="Print one JSON document on stdout.")
@click.pass_obj
def simulate(reply: Reply, file: Path) -> None:
    """Say who would run, and where, once the arbiter has settled each of the scenarios of FILE (a YAML file)."""
    from mlwf_assets.cli.gpu_files import read_scenarios

    found = []
    for scenario in read_scenarios(file):
        settled = scenario.settle()
        jobs: dict[str, dict[str, Any]] = {
            job.name: {"status": _status(job), "gpu": _devices(job)} for job in settled.jobs
        }
        found.append((scenario.name, jobs))
    if reply.as_json:
        reply.document({"scenarios": [{"name": name, "jobs": jobs} for name, jobs in found]})
        return
    for scenario_name, jobs in found:
        click.echo(f"{scenario_name}:")
        for name, job in jobs.items():
            on = f" on GPU {', '.join(job['gpu'])}" if job["gpu"] else ""
            click.echo(f"  {name}: {job['status']}{on}")


@gpu.command("fair-share", short_help="Say how many GPUs each queue is entitled to.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", is_flag=True, expose_value=False, help="Print one JSON document on stdout.")
@click.pass_obj
def fair_share(reply: Reply, file: Path) -> None:
    """Say how many GPUs each queue is entitled to in each of the cases of FILE (a YAML file)."""
    from mlwf_assets.cli.gpu_files import read_cases

    found = []
    for case in read_cases(file):
        shares, remaining = case.divide()
        numbers = {name: _number(share, case.parts) for name, share in shares.items()}
        found.append({"name": case.name, "shares": numbers, "remaining": _number(remaining, case.parts)})
    if reply.as_json:
        reply.document({"cases": found})
        return
    for one in found:
        shares_in_words = ", ".join(f"{name} {share}" for name, share in one["shares"].items())
        click.echo(f"{one['name']}: {shares_in_words}; nobody gets {one['remaining']}")


@gpu.command("export", short_help="Write the queues as a cluster's scheduler takes them.")
@click.option(
    "--kai",
    is_flag=True,
    required=True,
    expose_value=False,
    help="For KAI-Scheduler: Queue manifests (scheduling.run.ai/v2).",
)
@click.option("--json", is_flag=True, expose_value=False, help="Print one JSON document on stdout.")
@click.pass_obj
def export(reply: Reply) -> None:
    """Write the queues of this machine's gpu.yaml as manifests: `mlwf gpu export --kai | kubectl apply -f -`."""
    import yaml

    from mlwf_assets.gpu.home import find_gpu_home
    from mlwf_assets.gpu.kai import queue_manifests
    from mlwf_assets.gpu.quota_file import parse_quota, read_text

    file = find_gpu_home().quota_file
    manifests = queue_manifests(parse_quota(read_text(file), file).queues)
    reply.document({"manifests": manifests})
    if not reply.as_json:
        click.echo(yaml.safe_dump_all(manifests, sort_keys=False, allow_unicode=True), nl=False)


def _status(job: "Job") -> str:
    return "running" if job.is_running else "pending"


def _devices(job: "Job") -> list[str]:
    held = {device for task in job.tasks if task.state == "running" for device in task.devices}
    return [str(device) for device in sorted(held)]


def _number(amount: int, parts: int) -> Any:
    """An amount in whole units: an integer where it is one."""
    whole, rest = divmod(amount, parts)
    return whole if not rest else float(Fraction(amount, parts))
