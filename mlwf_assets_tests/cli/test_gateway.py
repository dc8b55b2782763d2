"""The gateway between real servers and a real client, all in one loop."""

import asyncio
import contextlib
import gzip
import io
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer, unused_port
from yarl import URL

from mlwf_assets.cli.gateway import make_app

NOWHERE = Path("/nowhere")
BIG = b"0123456789abcdef" * (1 << 18)  # 4 MiB: more than any buffer on the way


@dataclass
class Served:
    """The gateway's client, and the address of the server behind it."""

    client: TestClient
    upstream: str


@contextlib.asynccontextmanager
async def serving(*, dagster=None, mlflow=None, reports=NOWHERE):
    """Handlers that answer every path of a server, behind a gateway."""
    async with contextlib.AsyncExitStack() as stack:
        addresses = []
        for handler in (dagster, mlflow):
            app = web.Application(client_max_size=1 << 30)
            app.router.add_route("*", "/{path:.*}", handler or _not_asked)
            server = await stack.enter_async_context(TestServer(app))
            addresses.append(str(server.make_url("")).rstrip("/"))
        app = make_app(dagster=addresses[0], mlflow=addresses[1], reports=reports)
        client = await stack.enter_async_context(TestClient(TestServer(app), auto_decompress=False))
        yield Served(client, addresses[1 if mlflow else 0])


async def _not_asked(request):
    raise AssertionError(f"{request.path} went to the wrong server")


async def _echo(request):
    body = await request.read()
    headers = [[name, value] for name, value in request.headers.items()]
    return web.json_response(
        {"method": request.method, "path": request.raw_path, "headers": headers, "size": len(body)}
    )


def run(scenario):
    asyncio.run(asyncio.wait_for(scenario, 60))


def test_paths_below_mlflow_go_to_mlflow_without_the_prefix_and_all_others_to_dagster():
    async def scenario():
        async with serving(mlflow=_echo) as served:
            answer = await served.client.get(URL("/mlflow/a%2Fb/c?x=%20y&x=2", encoded=True))
            assert (await answer.json())["path"] == "/a%2Fb/c?x=%20y&x=2"
            assert (await (await served.client.get("/mlflow/")).json())["path"] == "/"
        async with serving(dagster=_echo) as served:
            for path in ("/assets", "/graphql", "/mlflowers", "/assets/flights/raw%2Fx?view=lineage"):
                assert (await (await served.client.get(URL(path, encoded=True))).json())["path"] == path

    run(scenario())


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_methods_bodies_and_headers_pass(method):
    async def scenario():
        async with serving(dagster=_echo) as served:
            answer = await served.client.request(
                method, "/x", data=None if method == "GET" else b"abc", headers={"X-Mine": "1", "Cookie": "a=b"}
            )
            said = await answer.json()
            assert (said["method"], said["size"]) == (method, 0 if method == "GET" else 3)
            assert ["X-Mine", "1"] in said["headers"]
            assert ["Cookie", "a=b"] in said["headers"]

    run(scenario())


def test_what_belongs_to_one_connection_is_not_passed_on():
    async def answer(request):
        names = {name.lower() for name in request.headers}
        headers = {"Keep-Alive": "timeout=9", "Connection": "X-Private", "X-Private": "1", "X-Public": "1"}
        return web.json_response(sorted(names), headers=headers)

    async def scenario():
        async with serving(dagster=answer) as served:
            sent = {"Connection": "x-hop, keep-alive", "X-Hop": "1", "TE": "trailers", "Proxy-Authorization": "no"}
            got = await served.client.get("/assets", headers=sent)
            assert not {"x-hop", "te", "proxy-authorization"} & set(await got.json())
            assert "X-Public" in got.headers
            assert not {"Keep-Alive", "X-Private"} & set(got.headers)

    run(scenario())


def test_a_client_that_takes_no_gzip_gets_none_and_one_that_does_gets_it_untouched():
    packed = gzip.compress(b"hello")

    async def answer(request):
        if "gzip" in request.headers.get("Accept-Encoding", ""):
            return web.Response(body=packed, headers={"Content-Encoding": "gzip"})
        return web.Response(body=b"hello")

    async def scenario():
        async with serving(dagster=answer) as served:
            plain = await served.client.get("/assets", skip_auto_headers=["Accept-Encoding"])
            assert await plain.read() == b"hello"
            zipped = await served.client.get("/assets", headers={"Accept-Encoding": "gzip"})
            assert zipped.headers["Content-Encoding"] == "gzip"
            assert await zipped.read() == packed

    run(scenario())


def test_cookies_statuses_and_the_length_without_a_body_come_back():
    async def answer(request):
        response = web.Response(status=418, body=b"tea", headers={"Content-Type": "text/tea"})
        response.set_cookie("a", "1")
        response.set_cookie("b", "2")
        return response

    async def scenario():
        async with serving(dagster=answer) as served:
            got = await served.client.head("/assets")
            assert (got.status, got.headers["Content-Length"], await got.read()) == (418, "3", b"")
            assert len(got.headers.getall("Set-Cookie")) == 2

    run(scenario())


def test_a_download_streams_and_is_whole():
    first_arrived = asyncio.Event()

    async def answer(request):
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"first")
        await first_arrived.wait()  # for ever, if the gateway collected the body before it passes it on
        await response.write(BIG)
        return response

    async def scenario():
        async with serving(mlflow=answer) as served:
            got = await served.client.get("/mlflow/file")
            assert await got.content.readexactly(5) == b"first"
            first_arrived.set()
            assert await got.content.read() == BIG

    run(scenario())


def test_an_upload_streams_and_is_whole():
    first_arrived = asyncio.Event()

    async def answer(request):
        assert await request.content.readexactly(5) == b"first"
        first_arrived.set()
        return web.json_response(await request.content.read() == BIG)

    async def body():
        yield b"first"
        await first_arrived.wait()
        yield BIG

    async def scenario():
        async with serving(mlflow=answer) as served:
            got = await served.client.put("/mlflow/file", data=body())
            assert await got.json() is True
        async with serving(mlflow=_echo) as served:  # with a stated length
            stated = {"Content-Length": str(len(BIG))}
            got = await served.client.put("/mlflow/file", data=io.BytesIO(BIG), headers=stated, expect100=True)
            assert (await got.json())["size"] == len(BIG)

    run(scenario())


@pytest.mark.parametrize(
    ("location", "seen"),
    [
        ("/x?y=1", "/mlflow/x?y=1"),
        ("{upstream}/x", "/mlflow/x"),
        ("http://{host}/x", "/mlflow/x"),
        ("next", "next"),
        ("https://mlflow.org/docs", "https://mlflow.org/docs"),
    ],
)
def test_redirects_lead_to_where_the_browser_finds_the_page(location, seen):
    async def answer(request):
        upstream = f"http://{request.url.authority}" if "{upstream}" not in location else served.upstream
        raise web.HTTPFound(location.format(upstream=upstream, host=request.host))

    async def scenario():
        nonlocal served
        async with serving(mlflow=answer) as served:
            got = await served.client.get("/mlflow/", allow_redirects=False)
            assert (got.status, got.headers["Location"]) == (302, seen)

    served = None
    run(scenario())


def test_the_short_addresses_lead_on():
    async def scenario():
        async with serving() as served:
            first = await served.client.get("/", allow_redirects=False)
            assert first.headers["Location"] == "/assets"
            mlflow = await served.client.get("/mlflow", allow_redirects=False)
            assert mlflow.headers["Location"].startswith("/mlflow/#/experiments")
            reports = await served.client.get("/reports", allow_redirects=False)
            assert reports.headers["Location"] == "/reports/"

    run(scenario())


def test_frames_pass_both_ways_with_the_subprotocol_until_the_client_closes():
    closed = asyncio.Event()

    async def talk(request):
        socket = web.WebSocketResponse(protocols=["graphql-ws"], max_msg_size=0)
        await socket.prepare(request)
        async for message in socket:
            if message.type == aiohttp.WSMsgType.TEXT:
                await socket.send_str(message.data.upper())
            else:
                await socket.send_bytes(message.data[::-1])
        closed.set()
        return socket

    async def scenario():
        async with serving(dagster=talk) as served:
            socket = await served.client.ws_connect("/graphql", protocols=["graphql-ws"], max_msg_size=0)
            assert socket.protocol == "graphql-ws"
            await socket.send_str("hello")
            assert await socket.receive_str() == "HELLO"
            await socket.send_bytes(BIG)
            assert await socket.receive_bytes() == BIG[::-1]
            await socket.close()
            await asyncio.wait_for(closed.wait(), 10)

    run(scenario())


def test_a_websocket_that_the_server_closes_is_closed_for_the_client():
    async def talk(request):
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str("bye")
        await socket.close()
        return socket

    async def scenario():
        async with serving(dagster=talk) as served:
            socket = await served.client.ws_connect("/graphql")
            assert await socket.receive_str() == "bye"
            assert (await socket.receive()).type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)

    run(scenario())


def test_a_server_that_is_not_there_is_a_bad_gateway_that_says_so():
    async def scenario():
        nobody = f"http://127.0.0.1:{unused_port()}"
        app = make_app(dagster=nobody, mlflow=nobody, reports=NOWHERE)
        async with TestClient(TestServer(app)) as client:
            got = await client.get("/mlflow/x")
            assert got.status == 502
            assert await got.text() == f"Nothing answers at {nobody}: see the logs of `mlwf up`."
            with pytest.raises(aiohttp.WSServerHandshakeError, match="502"):
                await client.ws_connect("/graphql")

    run(scenario())


def test_a_websocket_that_the_server_refuses_is_refused():
    async def scenario():
        async with serving(dagster=_echo) as served:
            with pytest.raises(aiohttp.WSServerHandshakeError, match="502"):
                await served.client.ws_connect("/x")

    run(scenario())


def test_a_body_that_breaks_off_is_not_taken_for_the_whole():
    async def answer(request):
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"half")
        request.transport.abort()
        return response

    async def scenario():
        async with serving(dagster=answer) as served:
            got = await served.client.get("/assets")
            with pytest.raises(aiohttp.ClientPayloadError):
                await got.read()

    run(scenario())


def test_a_client_that_goes_away_in_the_middle_harms_nobody_else(caplog):
    async def answer(request):
        response = web.StreamResponse()
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            for _ in range(200):
                await response.write(BIG[: 1 << 16])
                await asyncio.sleep(0)
        return response

    async def scenario():
        async with serving(dagster=answer) as served:
            got = await served.client.get("/assets")
            await got.content.readexactly(10)
            got.close()
            await asyncio.sleep(0.2)
            again = await served.client.get("/assets")
            assert len(await again.content.readexactly(10)) == 10
            again.close()

    run(scenario())
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
