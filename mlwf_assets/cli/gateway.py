"""One address for everything that `mlwf up` serves: Dagster at /, MLflow below /mlflow/, reports below /reports/.

A reverse proxy on the machine's own interface. Because all pages share one host and port, the links between
them are paths ('/reports/flights/report.html'), and what is stored in Dagster's event log and in MLflow's
tags stays right on whatever port the next start uses. It changes no page and knows no content.
"""

import asyncio
import html
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path

import aiohttp
from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

# RFC 9110, 7.6.1: these belong to one connection and are not passed on.
_HOP_BY_HOP = {
    "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer",
    "transfer-encoding", "upgrade",
}  # fmt: skip
_SESSION = web.AppKey("session", aiohttp.ClientSession)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def make_app(*, dagster: str, mlflow: str, reports: Path) -> web.Application:
    """The gateway as an application.

    Args:
        dagster: address of the webserver, without a slash at the end.
        mlflow: address of the MLflow server, likewise.
        reports: the folder with the reports.
    """
    app = web.Application(client_max_size=1 << 30)
    app.cleanup_ctx.append(_session)
    app.router.add_get("/mlflow", _redirect("/mlflow/"))
    app.router.add_get("/reports", _redirect("/reports/"))
    app.router.add_get("/reports/{path:.*}", _serve_folder(reports))
    app.router.add_route("*", "/mlflow/{path:.*}", _forward(mlflow, prefix="/mlflow"))
    app.router.add_route("*", "/{path:.*}", _forward(dagster, prefix=""))
    return app


async def _session(app: web.Application) -> AsyncIterator[None]:
    # Bodies pass as they are, compressed or not; subscriptions and large downloads take their time.
    app[_SESSION] = aiohttp.ClientSession(
        auto_decompress=False, timeout=aiohttp.ClientTimeout(total=None), cookie_jar=aiohttp.DummyCookieJar()
    )
    yield
    await app[_SESSION].close()


def _redirect(target: str) -> Handler:
    async def handle(_: web.Request) -> web.StreamResponse:
        raise web.HTTPFound(target)

    return handle


def _serve_folder(folder: Path) -> Handler:
    root = folder.resolve()

    async def handle(request: web.Request) -> web.StreamResponse:
        target = (root / request.match_info["path"]).resolve()
        if not target.is_relative_to(root) or not (target.exists() or target == root):
            raise web.HTTPNotFound(text="There is no such report.")
        if target.is_file():
            return web.FileResponse(target, headers={"Cache-Control": "no-cache"})
        if not request.path.endswith("/"):
            raise web.HTTPFound(request.path + "/")
        return web.Response(text=_list_folder(root, target), content_type="text/html")

    return handle


def _list_folder(root: Path, folder: Path) -> str:
    names = sorted(folder.iterdir()) if folder.is_dir() else []
    items = [f"{path.name}/" if path.is_dir() else path.name for path in names if not path.name.startswith(".")]
    links = "".join(f'<li><a href="{html.escape(item)}">{html.escape(item)}</a></li>' for item in items)
    title = "Reports" if folder == root else f"Reports: {html.escape(folder.name)}"
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        '<body style="font: 16px/1.6 system-ui; max-width: 45rem; margin: 3rem auto">'
        f"<h1>{title}</h1><ul>{links or '<li>none yet</li>'}</ul></body></html>"
    )


def _forward(upstream: str, *, prefix: str) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        url = upstream + request.raw_path.removeprefix(prefix)
        try:
            if request.headers.get("Upgrade", "").lower() == "websocket":
                return await _relay_websocket(request, url)
            return await _relay(request, url, upstream=upstream, prefix=prefix)
        except aiohttp.ClientConnectionError:
            raise web.HTTPBadGateway(text=f"Nothing answers at {upstream}: see the logs of `mlwf up`.") from None

    return handle


async def _relay(request: web.Request, url: str, *, upstream: str, prefix: str) -> web.StreamResponse:
    session = request.app[_SESSION]
    async with session.request(
        request.method,
        URL(url, encoded=True),
        headers=_end_to_end(request.headers),
        data=request.content if request.body_exists else None,
        allow_redirects=False,
    ) as answer:
        headers = _end_to_end(answer.headers)
        if "Location" in headers:
            headers["Location"] = _outside(headers["Location"], upstream=upstream, prefix=prefix)
        response = web.StreamResponse(status=answer.status, reason=answer.reason, headers=headers)
        await response.prepare(request)
        async for chunk in answer.content.iter_any():
            await response.write(chunk)
        await response.write_eof()
        return response


def _end_to_end(headers: Mapping[str, str] | CIMultiDictProxy[str]) -> CIMultiDict[str]:
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in _HOP_BY_HOP)


def _outside(location: str, *, upstream: str, prefix: str) -> str:
    """A redirect's target as the browser must ask for it.

    Example:
        >>> _outside("http://127.0.0.1:5000/x", upstream="http://127.0.0.1:5000", prefix="/mlflow")
        '/mlflow/x'
    """
    path = location.removeprefix(upstream)
    return prefix + path if path.startswith("/") else location


async def _relay_websocket(request: web.Request, url: str) -> web.StreamResponse:
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
