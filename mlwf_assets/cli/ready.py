"""Whether all servers of `mlwf up` answer: asked as people would, through the one address."""

from typing import Any

import aiohttp

from mlwf_assets.cli.served import Addresses
from mlwf_assets.errors import ServerError

_HEALTH = """{
  instance { daemonHealth { allDaemonStatuses { daemonType required healthy } } }
  workspaceOrError { ... on Workspace { locationEntries { name loadStatus
    locationOrLoadError { __typename ... on PythonError { message } } } } }
}"""


async def not_ready(addresses: Addresses) -> str:
    """Through the gateway, as people would: which server does not answer yet, or ''."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
        try:
            async with session.get(f"{addresses.home}/mlflow/health") as answer:
                if answer.status != 200:
                    return "MLflow"
            async with session.post(f"{addresses.home}/graphql", json={"query": _HEALTH}) as answer:
                data = (await answer.json())["data"] if answer.status == 200 else None
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return "a server"
    if data is None:
        return "the Dagster webserver"
    return _dagster_waits(data)


def _dagster_waits(data: dict[str, Any]) -> str:
    statuses = data["instance"]["daemonHealth"]["allDaemonStatuses"]
    late = [s["daemonType"] for s in statuses if s["required"] and not s["healthy"]]
    if late:
        return f"the Dagster daemon ({', '.join(late)})"
    for entry in data["workspaceOrError"].get("locationEntries", []):
        error = entry["locationOrLoadError"]
        if error and error["__typename"] == "PythonError":
            raise ServerError(f"{entry['name']} must load, however: {error['message'].strip()}")
        if entry["loadStatus"] != "LOADED":
            return f"the code of {entry['name']}"
    return ""
