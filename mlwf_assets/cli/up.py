"""`mlwf up`: Dagster, MLflow and the reports on 127.0.0.1, behind one address, until Ctrl-C or SIGTERM.

What happens from the command to its end, and what is told to people. Which programs are started stands in
`programs.py`, how they are started and stopped in `servers.py`, the one address in `gateway.py`.
"""

import asyncio
import signal
import time
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import click

from mlwf_assets.cli.reply import Reply
from mlwf_assets.cli.served import Addresses, running_address, state_file, stop_leftovers, write_state
from mlwf_assets.cli.servers import MARK, Running, Server, check_alive, claim_port, start, stop, wait_until_listening
from mlwf_assets.errors import ServerError

_DEFINITIONS = "mlwf_assets.definitions"
_READY_S = 180.0
_PORT = click.IntRange(0, 65535)


@click.command("up")
@click.option("--port", type=_PORT, default=3000, show_default=True, help="Of the one address for everything.")
@click.option("--dagster-port", type=_PORT, default=0, help="Of the Dagster webserver itself.  [default: any free]")
@click.option("--mlflow-port", type=_PORT, default=0, help="Of the MLflow server itself.  [default: any free]")
@click.option("--json", is_flag=True, expose_value=False, help="Print the addresses as one JSON document.")
@click.option("--module", default=_DEFINITIONS, hidden=True, help="The module with the Dagster definitions.")
@click.pass_obj
def up(reply: Reply, port: int, dagster_port: int, mlflow_port: int, module: str) -> None:
    """Serve Dagster, MLflow and the reports on 127.0.0.1 until Ctrl-C. Port 0 means any free one."""
    from filelock import FileLock, Timeout

    from mlwf_assets.cli.home import find_home, prepare_home
    from mlwf_assets.cli.programs import environment

    home = find_home()
    variables = environment(prepare_home(home))
    try:
        with FileLock(home / "servers.lock", timeout=0):
            stop_leftovers(home)
            ports = _claim_ports({"--port": port, "--dagster-port": dagster_port, "--mlflow-port": mlflow_port})
            asyncio.run(_serve(reply, home, Addresses(*ports), variables=variables, module=module))
    except Timeout:
        raise click.UsageError(
            f"One `mlwf up` per MLWF_HOME may run, however: {home} is served at "
            f"{running_address(home) or 'an address that is about to be known'}. Stop it with Ctrl-C where it runs."
        ) from None


def _claim_ports(wanted: Mapping[str, int]) -> list[int]:
    """The ports of the options, and one more for the server of the code; a taken one is the user's to change."""
    ports: list[int] = []
    for option, number in wanted.items():
        try:
            ports.append(claim_port(number, besides=ports))
        except ServerError as error:
            hint = f"Choose another: mlwf up {option} PORT."
            raise click.BadParameter(f"{error} {hint}", param_hint=f"'{option}'") from error
    return [*ports, claim_port(0, besides=ports)]


async def _serve(reply: Reply, home: Path, addresses: Addresses, *, variables: Mapping[str, str], module: str) -> None:
    from mlwf_assets.cli.programs import make_servers, workspace_file

    mark = uuid.uuid4().hex
    ended = _catch_signals()
    running: list[Running] = []
    write_state(home, mark, addresses, ready=False)
    try:
        async with _gateway(addresses, home / "reports"):
            click.echo(f"Starting; logs are in {home / 'logs'}", err=True)
            servers = make_servers(home, module, addresses)
            starting = _start_all(servers, running, addresses, variables={**variables, MARK: mark})
            if await _unless(ended, asyncio.create_task(starting)):
                write_state(home, mark, addresses, ready=True)
                _tell(reply, addresses)
                await _unless(ended, asyncio.create_task(_watch(running)))
            click.echo("Stopping.", err=True)
    finally:
        await asyncio.to_thread(stop, mark, running)
        for file in (state_file(home), workspace_file(home)):
            file.unlink(missing_ok=True)


def _tell(reply: Reply, addresses: Addresses) -> None:
    if reply.as_json:
        reply.document(addresses.pages)
    else:
        for name, address in addresses.pages.items():
            click.echo(f"{name:<8} {address}")
    click.echo("Stop with Ctrl-C.", err=True)


@asynccontextmanager
async def _gateway(addresses: Addresses, reports: Path) -> AsyncIterator[None]:
    from aiohttp import web

    from mlwf_assets.cli.gateway import make_app

    app = make_app(dagster=addresses.dagster, mlflow=addresses.mlflow, reports=reports)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", addresses.port).start()
        yield
    finally:
        await runner.cleanup()


async def _start_all(
    servers: Sequence[Server], running: list[Running], addresses: Addresses, *, variables: Mapping[str, str]
) -> None:
    """Start everything and wait until it answers; Dagster's servers ask the code's, so they come after it."""
    from mlwf_assets.cli.ready import not_ready

    deadline = time.monotonic() + _READY_S
    first = [server for server in servers if not server.asks_code]
    running.extend(start(server, environment=variables) for server in first)
    await asyncio.to_thread(wait_until_listening, addresses.code_port, running, deadline=deadline)
    running.extend(start(server, environment=variables) for server in servers if server.asks_code)
    while waited_for := await not_ready(addresses):
        check_alive(running)
        if time.monotonic() > deadline:
            logs = servers[0].log.parent
            raise ServerError(
                f"all servers must answer within {_READY_S:.0f} s, however: {waited_for} does not. See {logs}"
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
