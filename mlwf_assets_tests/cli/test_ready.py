import asyncio

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from mlwf_assets.cli.ready import not_ready
from mlwf_assets.cli.served import Addresses
from mlwf_assets.errors import ServerError


def health(*, healthy=True, status="LOADED", error=None):
    """What Dagster answers."""
    loaded = {"__typename": "PythonError", "message": error} if error else {"__typename": "RepositoryLocation"}
    entry = {"name": "tiny", "loadStatus": status, "locationOrLoadError": loaded if status == "LOADED" else None}
    daemons = [
        {"daemonType": "SCHEDULER", "required": True, "healthy": healthy},
        {"daemonType": "SENSOR", "required": False, "healthy": None},
    ]
    return {
        "instance": {"daemonHealth": {"allDaemonStatuses": daemons}},
        "workspaceOrError": {"locationEntries": [entry]},
    }


def ask(*, mlflow=200, dagster=200, data=None):
    """Ask servers that answer so."""

    async def scenario():
        app = web.Application()

        async def mlflow_health(_):
            return web.Response(status=mlflow)

        async def graphql(_):
            return web.json_response({"data": data}, status=dagster)

        app.router.add_get("/mlflow/health", mlflow_health)
        app.router.add_post("/graphql", graphql)
        async with TestServer(app) as server:
            return await not_ready(Addresses(server.port, 0, 0, 0))

    return asyncio.run(scenario())


def test_all_answer():
    assert ask(data=health()) == ""


@pytest.mark.parametrize(
    ("answers", "waited_for"),
    [
        ({"mlflow": 502}, "MLflow"),
        ({"dagster": 502}, "the Dagster webserver"),
        ({"data": health(healthy=False)}, "the Dagster daemon (SCHEDULER)"),
        ({"data": health(status="LOADING")}, "the code of tiny"),
    ],
)
def test_what_does_not_answer_yet_is_named(answers, waited_for):
    assert ask(**answers) == waited_for


def test_nobody_is_there_yet():
    assert asyncio.run(not_ready(Addresses(unused_port(), 0, 0, 0))) == "a server"


def test_code_that_cannot_be_loaded_is_an_error_with_its_reason():
    with pytest.raises(ServerError, match="tiny must load, however: No module named 'x'"):
        ask(data=health(error="No module named 'x'\n"))
