"""Bodies that mean harm: no crash, an answer to each, no growth of memory; and who is let in."""

import asyncio
import io
import json
import os
import random
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import psutil
import pytest
from PIL import Image

from tests.pipelines.serving.serving import ADDRESS, options, png, served, text

PNG = {"Content-Type": "image/png"}
JSON = {"Content-Type": "application/json"}
LIMITS = {"body": 200_000, "rows": 50}
TOKEN = "0123456789abcdef"


def bomb() -> bytes:
    """A PNG of 60,000 x 60,000 pixels in some hundred bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(bytes(60_000)))
        + chunk(b"IEND", b"")
    )


def large() -> bytes:
    """A PNG of zeros that is within the limit of pixels and unfolds to 36 MB."""
    out = io.BytesIO()
    Image.fromarray(np.zeros((6000, 6000), np.uint8)).save(out, format="PNG")
    return out.getvalue()


def bodies(count: int, seed: int = 0) -> Iterator[tuple[dict[str, str], bytes]]:
    """Content type and body."""
    rng, good, bombed = random.Random(seed), png(0), bomb()
    nested = {"inputs": [[[[[[[[[[[1]]]]]]]]]]]}
    kinds = [
        lambda: (PNG, bombed),
        lambda: (JSON, json.dumps({"inputs": [text(bombed)] * 3}).encode()),
        lambda: (PNG, good[: rng.randrange(len(good))]),
        lambda: (PNG, bytes(b ^ (rng.random() < 0.02) * 255 for b in good)),
        lambda: (PNG, rng.randbytes(rng.randrange(2000))),
        lambda: (JSON, b"[" * rng.randrange(50_000)),
        lambda: (JSON, b'{"inputs":' * rng.randrange(20_000)),
        lambda: (JSON, b'{"inputs": [NaN, Infinity]}'),
        lambda: (JSON, json.dumps(nested).encode()),
        lambda: (JSON, json.dumps({"inputs": [[[300, -1], [2]], {"a": 1}, None, True, 1e308, "", [], [[]]]}).encode()),
        lambda: (JSON, json.dumps({"dataframe_records": [{"wrong": 1, "column": 2}]}).encode()),
        lambda: (JSON, json.dumps({"dataframe_split": {"columns": ["a", "a"], "data": [[1, 2]]}}).encode()),
        lambda: (JSON, json.dumps({"inputs": {"image": 5}}).encode()),
        lambda: (JSON, json.dumps({"inputs": {}}).encode()),
        lambda: (JSON, json.dumps({"inputs": [0] * 60}).encode()),
        lambda: (JSON, json.dumps({"inputs": [[[k % 300 for k in range(90)]] * 90]}).encode()),
        lambda: (JSON, b'{"inputs": ["\\ud800"]}'),
        lambda: (JSON, '{"inputs": ["ÿ\\u0000"]}'.encode("utf-16")),
        lambda: ({"Content-Type": "text/" + "x" * rng.randrange(3000)}, b"x"),
        lambda: ({"Content-Type": "multipart/form-data"}, good),
        lambda: (PNG, bytes(200_001)),
        lambda: (PNG, b"\x93NUMPY" + rng.randbytes(200)),
        lambda: (PNG, b"GIF89a" + rng.randbytes(500)),
        lambda: (PNG, b"II*\x00" + rng.randbytes(500)),
    ]  # fmt: skip
    for number in range(count):
        yield kinds[number % len(kinds)]()


async def attack(client: httpx.AsyncClient, count: int, seed: int) -> dict[int, int]:
    """Status -> how often; sixteen at a time."""
    waiting, found = bodies(count, seed), dict[int, int]()

    async def one() -> None:
        for headers, body in waiting:
            response = await client.post("/predict", content=body, headers=headers)
            found[response.status_code] = found.get(response.status_code, 0) + 1
            if response.status_code != 200:
                told = response.json()["error"]
                assert told["code"]
                assert 0 < len(told["message"]) < 1000

    await asyncio.gather(*(one() for _ in range(16)))
    return found


@pytest.mark.parametrize("count", [360, pytest.param(10_000, marks=pytest.mark.slow)])
def test_hostile_bodies_crash_nothing_and_memory_does_not_grow(context: Any, count: int) -> None:
    async def go() -> None:
        async with served(context, options(limits=LIMITS)) as (client, service):
            [process] = service.champion().processes
            model, own = psutil.Process(process.handle.pid), psutil.Process(os.getpid())
            await attack(client, 240, seed=1)
            before = model.memory_info().rss, own.memory_info().rss
            found = await attack(client, count, seed=2)
            after = model.memory_info().rss, own.memory_info().rss
            assert sum(found.values()) == count
            assert set(found) <= {200, 400, 413, 415}, found
            assert found[400] > count / 2
            assert service.champion().processes == [process]
            assert process.handle.is_alive()
            assert service.held == 0
            for grown, least in zip(after, before, strict=True):
                assert grown - least < 40e6, (before, after)
            good = await client.post("/predict", content=png(3), headers=PNG)
            assert good.status_code == 200

    asyncio.run(go())


def test_a_bomb_is_refused_by_its_header_and_names_its_pixels(context: Any) -> None:
    async def go() -> None:
        async with served(context, options()) as (client, _):
            response = await client.post("/predict", content=bomb(), headers=PNG)
            assert response.json()["error"]["code"] == "too many pixels"
            assert (await client.post("/predict", content=large(), headers=PNG)).status_code == 200

    asyncio.run(go())


def test_a_token_is_required_where_there_is_one(context: Any) -> None:
    async def go() -> None:
        async with served(context, options(token=TOKEN)) as (client, _):
            for headers in ({}, {"Authorization": f"Bearer {TOKEN}0"}, {"Authorization": f"Basic {TOKEN}"},
                            {"Authorization": f"Bearer {TOKEN[:-1]}"}):  # fmt: skip
                for path in ("/", "/metrics"):
                    assert (await client.get(path, headers=headers)).status_code == 401
                response = await client.post("/predict", content=png(1), headers={**PNG, **headers})
                assert (response.status_code, response.json()["error"]["code"]) == (401, "token-wrong")
                assert response.headers["www-authenticate"] == "Bearer"
            right = {"Authorization": f"bearer {TOKEN}"}
            assert (
                await client.post("/predict", content=png(1), headers={**PNG, **right})
            ).status_code == 200
            assert (await client.get("/metrics", headers=right)).status_code == 200
            assert (await client.get("/health")).status_code == 200  # probes have none
            assert (await client.get("/ready")).status_code == 200

    asyncio.run(go())


def test_pages_of_other_sites_are_refused_under_every_name_of_this_machine(context: Any) -> None:
    async def go() -> None:
        async with served(context, options()) as (client, _):
            for headers, status in (
                ({"Origin": "https://example.org"}, 403),
                ({"Origin": "null"}, 403),
                ({"Origin": "http://127.0.0.1:9999"}, 403),
                ({"Host": "rebound.example.org:8000"}, 403),
                ({"Host": "rebound.example.org:8000", "Origin": "http://rebound.example.org:8000"}, 403),
                ({"Host": "127.0.0.1.example.org"}, 403),
                ({"Origin": ADDRESS}, 200),
                ({"Host": "localhost:8000"}, 200),
                ({"Host": "[::1]:8000"}, 200),
            ):
                response = await client.post("/predict", content=png(1), headers={**PNG, **headers})
                assert response.status_code == status, headers

    asyncio.run(go())


def test_the_page_shows_no_markup_of_others(context: Any) -> None:
    async def go() -> None:
        async with served(context, options()) as (client, service):
            version = service.champion().version
            service.champion().version = version.model_copy(
                update={"tags": {**version.tags, "selfsup.data": "<script>alert(1)</script>"}}
            )
            page = await client.get("/")
            assert page.headers["content-type"].startswith("text/html")
            assert "<script>" not in page.text
            assert "curl --data-binary @image.png" in page.text
            assert "default-src 'none'" in page.headers["content-security-policy"]
            assert (await client.get("/docs")).status_code == 404

    asyncio.run(go())
