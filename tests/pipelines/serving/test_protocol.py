"""Connections that never finish their headers, on a real socket."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import uvicorn

from components.listening import bound
from pipelines.serving import protocol

Told = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def app(scope: Any, receive: Any, send: Any) -> None:
    size, more = 0, True
    while more:
        message = await receive()
        size, more = size + len(message.get("body", b"")), message.get("more_body", False)
    body = str(size).encode()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def talk(told: Told) -> None:
    async def go() -> None:
        listening = bound("127.0.0.1", 0)
        config = uvicorn.Config(
            app, http=protocol.BoundedHeaders, ws="none", lifespan="off", log_level="error"
        )
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        while not server.started:
            await asyncio.sleep(0.01)
        reader, writer = await asyncio.open_connection(*listening.getsockname())
        try:
            async with asyncio.timeout(20):
                await told(reader, writer)
        finally:
            writer.close()
            server.should_exit = True
            await serving

    asyncio.run(go())


def post(size: int) -> bytes:
    return b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size + bytes(size)


async def answer(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    size = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    return await reader.readexactly(size)


def test_bodies_larger_than_the_limit_of_headers_pass_one_after_the_other() -> None:
    async def told(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for size in (200_000, 0, 300_000):
            writer.write(post(size))
            assert await answer(reader) == str(size).encode()

    talk(told)


def test_endless_headers_end_the_connection() -> None:
    async def told(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(post(10))
        assert await answer(reader) == b"10"
        writer.write(b"GET / HTTP/1.1\r\nX: ")
        sent = 0
        while sent < 5_000_000 and not reader.at_eof():
            writer.write(b"a" * 1000)
            try:
                await writer.drain()
                await asyncio.sleep(0)
            except ConnectionError:
                break
            sent += 1000
        assert sent < 4_000_000

    talk(told)


@pytest.mark.parametrize("begun", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nX: a"])
def test_headers_that_do_not_arrive_end_the_connection(monkeypatch: pytest.MonkeyPatch, begun: bytes) -> None:
    monkeypatch.setattr(protocol, "SECONDS", 0.2)

    async def told(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(begun)
        assert await reader.read() == b""

    talk(told)


def test_a_body_may_take_longer_than_headers_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "SECONDS", 0.2)

    async def told(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = post(10)
        writer.write(request[:-5])
        await asyncio.sleep(0.5)
        writer.write(request[-5:])
        assert await answer(reader) == b"10"

    talk(told)
