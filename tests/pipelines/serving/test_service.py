"""Shadow and canary: what a challenger does beside the champion, and that it never harms a request."""

import asyncio
import json
import os
import signal
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from pipelines.serving.service import Service
from tests.pipelines.serving.serving import expected, options, png, served, until
from tests.pipelines.stages import crowned

PNG = {"Content-Type": "image/png"}
SAMPLES = [png(seed) for seed in range(40)]
RULE = {"alias": "challenger", "share": 0.5, "least": 5, "window": 50, "slower": 1000}


@pytest.fixture
def rivals(context: Any) -> Any:
    """Version 1 is champion, version 2 challenger."""
    crowned.crown(context, 1)
    registry = crowned.registry_of(context)
    registry.set_alias("champion", "1")
    registry.set_alias("challenger", "2")
    return context


async def raw(client: httpx.AsyncClient, sample: bytes) -> httpx.Response:
    return await client.post("/predict", content=sample, headers=PNG)


def counted(service: Service, name: str, **labels: str) -> float:
    return service.metrics.registry.get_sample_value(name, labels) or 0.0


def test_a_shadow_is_compared_and_never_returned(rivals: Any) -> None:
    right = [expected(seed, SAMPLES) for seed in (0, 1)]
    differing = int((right[0]["class"] != right[1]["class"]).sum())
    assert 0 < differing < len(SAMPLES)

    async def go() -> None:
        async with served(rivals, options(shadow="challenger")) as (client, service):
            found = [await raw(client, sample) for sample in SAMPLES]
            for one, row in zip(found, right[0].to_dict("records"), strict=True):
                told = one.json()
                assert told["version"] == "1"
                np.testing.assert_allclose(
                    told["predictions"][0]["probabilities"], row["probabilities"], atol=1e-6
                )
            name = "selfsup_serve_shadow_rows_total"
            await until(
                lambda: (
                    counted(service, name, version="2", same="no")
                    + counted(service, name, version="2", same="yes")
                    == len(SAMPLES)
                )
            )
            assert counted(service, name, version="2", same="no") == differing

    asyncio.run(go())
    log = Path(rivals.settings.home) / "logs" / "serve-toys.jsonl"
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    shadows = [line for line in lines if "shadow" in line]
    assert len(shadows) == len(SAMPLES)
    assert sum(line["differing"] for line in shadows) == differing
    same = right[0]["class"] == right[1]["class"]
    apart = [
        np.abs(np.array(a) - np.array(b)).max()
        for a, b in zip(right[0]["probabilities"][same], right[1]["probabilities"][same], strict=True)
    ]
    assert max(line["difference"] for line in shadows) == pytest.approx(max(apart), abs=1e-5)


def test_a_shadow_that_dies_costs_no_request(rivals: Any) -> None:
    async def go() -> None:
        async with served(rivals, options(shadow="challenger")) as (client, service):
            [process] = service.follower.lines["challenger"].processes
            assert process.handle.pid is not None
            os.kill(process.handle.pid, signal.SIGSTOP)
            found = await asyncio.gather(*(raw(client, sample) for sample in SAMPLES))
            assert {(one.status_code, one.json()["version"]) for one in found} == {(200, "1")}
            os.kill(process.handle.pid, signal.SIGKILL)

    asyncio.run(go())


def test_a_canary_answers_its_share(rivals: Any) -> None:
    draws = iter([0.4, 0.6, 0.49, 0.5] * 10)

    async def go() -> None:
        async with served(rivals, options(canary=RULE)) as (client, service):
            service.draw = lambda: next(draws)
            found = [(await raw(client, sample)).json() for sample in SAMPLES]
            assert [one["version"] for one in found] == ["2", "1", "2", "1"] * 10
            assert (await client.get("/health")).json()["canary_returned"] is None
            registry = crowned.registry_of(rivals)
            registry.set_alias("challenger", None)
            await until(lambda: "challenger" not in service.follower.lines)
            assert (await raw(client, SAMPLES[0])).json()["version"] == "1"

    asyncio.run(go())


def test_a_canary_with_errors_goes_back_and_no_client_sees_one(rivals: Any) -> None:
    async def go() -> None:
        async with served(rivals, options(canary=RULE)) as (client, service):
            line = service.follower.lines["challenger"]
            real = line.ask

            async def broken(asked: Any, keep: bool = False) -> Any:
                answer = await real(asked, keep)
                answer.status, answer.code = 500, "prediction-failed"
                return answer

            line.ask = broken  # type: ignore[method-assign]
            service.draw = iter([0.4, 0.6] * 100).__next__
            found = [await raw(client, sample) for sample in SAMPLES]
            assert {(one.status_code, one.json()["version"]) for one in found} == {(200, "1")}
            told = (await client.get("/health")).json()["canary_returned"]
            assert told == "error rate 100.0% of 5 requests, allowed 2.0%"
            assert "selfsup_serve_canary_returned 1.0" in (await client.get("/metrics")).text
            crowned.crown(rivals, 2)  # another challenger is another canary
            registry = crowned.registry_of(rivals)
            registry.set_alias("champion", "1")
            registry.set_alias("challenger", "3")
            await until(lambda: service.follower.lines["challenger"].version.version == "3")
            service.draw = lambda: 0.1
            assert (await raw(client, SAMPLES[0])).json()["version"] == "3"

    asyncio.run(go())


def test_a_request_that_both_refuse_is_no_error_of_the_canary(rivals: Any) -> None:
    async def go() -> None:
        async with served(rivals, options(canary=RULE)) as (client, service):
            service.draw = iter([0.4, 0.6] * 100).__next__
            found = [await raw(client, b"no image") for _ in range(30)]
            assert {one.status_code for one in found} == {400}
            assert service.returned is None

    asyncio.run(go())


def test_a_slow_canary_goes_back(rivals: Any) -> None:
    async def go() -> None:
        async with served(rivals, options(canary={**RULE, "slower": 2})) as (client, service):
            line = service.follower.lines["challenger"]
            real = line.ask

            async def slow(asked: Any, keep: bool = False) -> Any:
                await asyncio.sleep(1.0)
                return await real(asked, keep)

            line.ask = slow  # type: ignore[method-assign]
            service.draw = iter([0.4, 0.6] * 100).__next__
            found = await asyncio.gather(*(raw(client, sample) for sample in SAMPLES))
            assert {one.status_code for one in found} == {200}
            assert service.returned is not None
            assert service.returned.startswith("95th percentile of latency")
            assert (await raw(client, SAMPLES[0])).json()["version"] == "1"

    asyncio.run(go())
