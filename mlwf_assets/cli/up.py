"""`mlwf up`: Dagster, MLflow and the reports on 127.0.0.1, behind one address, until Ctrl-C or SIGTERM.

Which servers there are, when they count as ready, and what is told to people. Starting and stopping
processes stands in `servers.py`, the one address in `gateway.py`.
"""

import asyncio
import json
import os
import signal
import sys
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import click

from mlwf_assets.cli.served import Addresses, running_address, state_file, stop_leftovers, write_state
from mlwf_assets.cli.servers import MARK, Running, Server, check_alive, claim_port, start, stop, wait_until_listening
from mlwf_assets.errors import ServerError

DEFINITIONS = "mlwf_assets.definitions"
_READY_S = 180.0
_PORT = click.IntRange(0, 65535)


@click.command("up")
@click.option("--port", type=_PORT, default=3000, show_default=True, help="Of the one address for everything.")
@click.option("--dagster-port", type=_PORT, default=0, help="Of the Dagster webserver itself.  [default: any free]")
@click.option("--mlflow-port", type=_PORT, default=0, help="Of the MLflow server itself.  [default: any free]")
@click.option("--module", default=DEFINITIONS, hidden=True, help="The module with the Dagster definitions.")
def up(port: int, dagster_port: int, mlflow_port: int, module: str) -> None:
    """Serve Dagster, MLflow and the reports on 127.0.0.1 until Ctrl-C. Port 0 means any free one."""
    from filelock import FileLock, Timeout

    from mlwf_assets.cli.home import find_home, prepare_home

    home = find_home()
    environment = _environment(prepare_home(home))
    try:
        with FileLock(home / "servers.lock", timeout=0):
            stop_leftovers(home)
            ports = [
                claim_port(wanted, option=option)
                for wanted, option in (
                    (port, "--port"),
                    (dagster_port, "--dagster-port"),
                    (mlflow_port, "--mlflow-port"),
                )
            ]
            asyncio.run(_serve(home, ports, environment=environment, module=module))
    except Timeout:
        raise ServerError(
            f"one `mlwf up` per MLWF_HOME may run, however: {home} is served at "
            f"{running_address(home) or 'an address that is about to be known'}. Stop it with Ctrl-C where it runs."
        ) from None


async def _serve(home: Path, ports: Sequence[int], *, environment: dict[str, str], module: str) -> None:
    port, dagster_port, mlflow_port = ports
    addresses = Addresses(*(f"http://127.0.0.1:{number}" for number in ports))
    mark = uuid.uuid4().hex
    ended = _catch_signals()
    running: list[Running] = []
    write_state(home, mark, addresses, ready=False)
    try:
        async with _gateway(addresses, home / "reports", port):
            click.echo(f"Starting; logs are in {home / 'logs'}", err=True)
            code_port = claim_port(0, option="")
            servers = make_servers(
                home, module, code_port=code_port, dagster_port=dagster_port, mlflow_port=mlflow_port
            )
            starting = asyncio.create_task(
                _start_all(
                    servers, running, home, {**environment, MARK: mark}, code_port=code_port, addresses=addresses
                )
            )
            if await _unless(ended, starting):
                write_state(home, mark, addresses, ready=True)
                for name, address in addresses.lines:
                    click.echo(f"{name:<8} {address}")
                click.echo("Stop with Ctrl-C.", err=True)
                sys.stdout.flush()
                await _unless(ended, asyncio.create_task(_watch(running)))
            click.echo("Stopping.", err=True)
    finally:
        await asyncio.to_thread(stop, mark, running)
        state_file(home).unlink(missing_ok=True)


def make_servers(home: Path, module: str, *, code_port: int, dagster_port: int, mlflow_port: int) -> list[Server]:
    """The servers in the order of their start: the code, which both of Dagster's others ask; then the rest."""
    from mlwf_assets.deployment.store import prepare_folder, store_uri

    (home / "reports").mkdir(exist_ok=True)
    logs, python = home / "logs", sys.executable
    workspace = _write_workspace(home, module, code_port)
    mlflow = prepare_folder(home)
    commands = {
        "dagster-code": [
            python, "-m", "dagster", "code-server", "start", "-m", module, "--location-name", module,
            "-h", "127.0.0.1", "-p", str(code_port), "--use-python-environment-entry-point",
            "--inject-env-vars-from-instance",
        ],
        "dagster-webserver": [
            python, "-m", "dagster_webserver", "-h", "127.0.0.1", "-p", str(dagster_port), "-w", str(workspace),
        ],
        "dagster-daemon": [python, "-m", "dagster._daemon", "run", "-w", str(workspace)],
        "mlflow": [
            python, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(mlflow_port), "--workers", "1",
            "--backend-store-uri", store_uri(home), "--artifacts-destination", str(mlflow / "artifacts"),
        ],
    }  # fmt: skip
    return [Server(name, command, logs / f"{name}.log") for name, command in commands.items()]


def _write_workspace(home: Path, module: str, code_port: int) -> Path:
    """Tell Dagster of the code server; the location has the name that workspace.yaml gives it too."""
    path = home / "dagster" / "workspace.up.yaml"
    server = {"host": "127.0.0.1", "port": code_port, "location_name": module}
    path.write_text(json.dumps({"load_from": [{"grpc_server": server}]}), encoding="utf-8")
    return path


def _environment(homes: dict[str, str]) -> dict[str, str]:
    """What the servers see: the shell's variables, `.env` below them, and where state lives.

    The servers run in a folder without `.env`: Dagster would let that file win over the shell.
    """
    from dotenv import dotenv_values

    file = {name: value for name, value in dotenv_values(Path.cwd() / ".env").items() if value is not None}
    environment = {
        **file, **os.environ, **homes, "DAGSTER_DISABLE_TELEMETRY": "yes", "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_ENABLE_AI_GATEWAY": "false",
    }  # fmt: skip
    for name in ("MLWF_WORKFLOWS", "PYTHONPATH"):
        if environment.get(name):
            parts = environment[name].split(os.pathsep)
            environment[name] = os.pathsep.join(str(Path(part).absolute()) for part in parts if part)
    return environment


@asynccontextmanager
async def _gateway(addresses: Addresses, reports: Path, port: int) -> AsyncIterator[None]:
    from aiohttp import web

    from mlwf_assets.cli.gateway import make_app

    app = make_app(dagster=addresses.dagster, mlflow=addresses.mlflow, reports=reports)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield
    finally:
        await runner.cleanup()


async def _start_all(
    servers: Sequence[Server], running: list[Running], home: Path, environment: dict[str, str], *,
    code_port: int, addresses: Addresses,
) -> None:  # fmt: skip
    """Start everything and wait until it answers."""
    from mlwf_assets.cli.ready import not_ready

    deadline = time.monotonic() + _READY_S
    code, *others = servers
    mlflow = others.pop()
    running.extend(start(server, environment=environment, folder=home / "dagster") for server in (mlflow, code))
    await asyncio.to_thread(wait_until_listening, code_port, running, deadline=deadline)
    running.extend(start(server, environment=environment, folder=home / "dagster") for server in others)
    while waited_for := await not_ready(addresses):
        check_alive(running)
        if time.monotonic() > deadline:
            raise ServerError(
                f"all servers must answer within {_READY_S:.0f} s, however: {waited_for} does not. See {home / 'logs'}"
            )
        await asyncio.sleep(0.3)


async def _watch(running: Sequence[Running]) -> None:
    while True:
        check_alive(running)
        await asyncio.sleep(0.5)


def _catch_signals() -> asyncio.Event:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, ended.set)
    return ended


async def _unless(ended: asyncio.Event, task: "asyncio.Task[None]") -> bool:
    """Wait for a task, or for the end: whether the task came first."""
    end = asyncio.create_task(ended.wait())
    await asyncio.wait({task, end}, return_when=asyncio.FIRST_COMPLETED)
    end.cancel()
    if task.done():
        task.result()
        return True
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    return False
