"""One address for everything that `mlwf up` serves: Dagster at /, MLflow below /mlflow/, reports below /reports/.

The figures of the GPUs stand at /gpu/metrics, for Prometheus. All else is a reverse proxy on the machine's own
interface. Because all pages share one host and port, the links between
them are paths ('/reports/flights/report.html'), and what is stored in Dagster's event log and in MLflow's
tags stays right on whatever port the next start uses. It changes no page and knows no content; how headers
pass follows RFC 9110, 7.6.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path

import aiohttp
from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from mlwf_assets.cli.report_pages import serve_folder
from mlwf_assets.deployment import pages

# RFC 9110, 7.6.1: these belong to one connection and are not passed on.
_HOP_BY_HOP = {
    "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer",
    "transfer-encoding", "upgrade",
}  # fmt: skip
# What the client library would add by itself: a browser that takes no gzip must get none.
_ADDED_HEADERS = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
_SESSION = web.AppKey("session", aiohttp.ClientSession)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def make_app(*, dagster: str, mlflow: str, reports: Path) -> web.Application:
    """The gateway as an application.

    Args:
        dagster: address of the webserver, without a slash at the end.
        mlflow: address of the MLflow server, likewise.
        reports: the folder with the reports.
    """
    app = web.Application()
    app.cleanup_ctx.append(_session)
    # Dagster would open its timeline, which shows no runs but those that were asked for in the UI.
    app.router.add_get("/", _redirect("/assets"))
    app.router.add_get("/mlflow", _redirect(pages.HOME))
    app.router.add_get("/reports", _redirect("/reports/"))
    app.router.add_get("/reports/{path:.*}", serve_folder(reports))
    app.router.add_get("/gpu/metrics", _gpu_metrics)
    app.router.add_route("*", "/mlflow/{path:.*}", _forward(mlflow, prefix="/mlflow"))
    app.router.add_route("*", "/{path:.*}", _forward(dagster, prefix=""))
    return app


async def _session(app: web.Application) -> AsyncIterator[None]:
    # Bodies pass as they are, compressed or not; subscriptions and large downloads take their time.
    app[_SESSION] = aiohttp.ClientSession(
        auto_decompress=False,
        timeout=aiohttp.ClientTimeout(total=None),
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=_ADDED_HEADERS,
    )
    yield
    await app[_SESSION].close()


async def _gpu_metrics(_: web.Request) -> web.StreamResponse:
    """The machine's GPUs for Prometheus; a machine without a quota file has none to tell of."""
    from mlwf_assets.errors import MlwfError
    from mlwf_assets.gpu.client import Client
    from mlwf_assets.gpu.figures import prometheus

    try:
        text = await asyncio.to_thread(lambda: prometheus(Client()))
    except MlwfError as problem:
        raise web.HTTPServiceUnavailable(text=f"{problem}\n") from None
    return web.Response(body=text.encode(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})


def _redirect(target: str) -> Handler:
    async def handle(_: web.Request) -> web.StreamResponse:
        raise web.HTTPFound(target)

    return handle


def _forward(upstream: str, *, prefix: str) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        url = URL(upstream + request.raw_path.removeprefix(prefix), encoded=True)
        is_websocket = request.headers.get("Upgrade", "").lower() == "websocket"
        try:
            if is_websocket:
                return await _relay_websocket(request, url)
            answer = await _ask(request, url)
        except aiohttp.ClientError:
            raise web.HTTPBadGateway(text=f"Nothing answers at {upstream}: see the logs of `mlwf up`.") from None
        async with answer:
            return await _relay(request, answer, prefix=prefix)

    return handle


async def _ask(request: web.Request, url: URL) -> aiohttp.ClientResponse:
    return await request.app[_SESSION].request(
        request.method,
        url,
        headers=_end_to_end(request.headers),
        data=request.content if request.body_exists else None,
        allow_redirects=False,
    )


async def _relay(request: web.Request, answer: aiohttp.ClientResponse, *, prefix: str) -> web.StreamResponse:
    headers = _end_to_end(answer.headers)
    if "Location" in headers:
        headers["Location"] = _outside(headers["Location"], {answer.url.authority, request.host}, prefix=prefix)
    response = web.StreamResponse(status=answer.status, reason=answer.reason, headers=headers)
    try:
        await response.prepare(request)
        async for chunk in answer.content.iter_any():
            await response.write(chunk)
        await response.write_eof()
    except (aiohttp.ClientError, ConnectionError):
        # One side went away in the middle: the other must not take what it has for the whole.
        if request.transport is not None:
            request.transport.abort()
    return response


def _end_to_end(headers: Mapping[str, str] | CIMultiDictProxy[str]) -> CIMultiDict[str]:
    named = {name.strip().lower() for name in headers.get("Connection", "").split(",")}
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in _HOP_BY_HOP | named)


def _outside(location: str, inside: set[str], *, prefix: str) -> str:
    """A redirect's target as the browser must ask for it.

    Args:
        location: as the server wrote it.
        inside: host:port by which the server may call itself.
        prefix: below which it stands for the browser.

    Example:
        >>> _outside("http://127.0.0.1:5000/x?y=1", {"127.0.0.1:5000"}, prefix="/mlflow")
        '/mlflow/x?y=1'
        >>> _outside("https://mlflow.org/docs", {"127.0.0.1:5000"}, prefix="/mlflow")
        'https://mlflow.org/docs'
    """
    url = URL(location, encoded=True)
    if url.absolute:
        if url.authority not in inside:
            return location
        location = str(url.relative())
    return prefix + location if location.startswith("/") else location


async def _relay_websocket(request: web.Request, url: URL) -> web.StreamResponse:
    """Dagster's live updates: frames both ways until either side closes."""
    protocols = [p.strip() for p in request.headers.get("Sec-WebSocket-Protocol", "").split(",") if p.strip()]
    async with request.app[_SESSION].ws_connect(url, protocols=protocols, max_msg_size=0) as inner:
        outer = web.WebSocketResponse(protocols=[inner.protocol] if inner.protocol else (), max_msg_size=0)
        await outer.prepare(request)
        tasks = [asyncio.create_task(_pump(outer, inner)), asyncio.create_task(_pump(inner, outer))]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await outer.close()
        return outer


_Socket = web.WebSocketResponse | aiohttp.ClientWebSocketResponse


async def _pump(source: _Socket, target: _Socket) -> None:
    async for message in source:
        if message.type == aiohttp.WSMsgType.TEXT:
            await target.send_str(message.data)
        elif message.type == aiohttp.WSMsgType.BINARY:
            await target.send_bytes(message.data)
