"""The server as a client sees it, with a toy champion in a real MLflow; predictions beside those of MLflow's pyfunc."""

import asyncio
import gc
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from pipelines.serving.service import Service
from tests.pipelines.serving.serving import (
    example,
    expected,
    options,
    png,
    served,
    text,
    until,
)
from tests.pipelines.stages import crowned

PNG = {"Content-Type": "image/png"}
SAMPLES = [png(seed) for seed in range(40)]


def close(row: dict[str, Any], seed: int, sample: bytes) -> None:
    """A row is what pyfunc predicts, to 1e-6."""
    [right] = expected(seed, [sample]).to_dict("records")
    assert list(row) == [name for name in right if name != "error"]
    assert row["class"] == right["class"]
    for name in ("confidence", "outlier_score", "probabilities", "embedding"):
        np.testing.assert_allclose(row[name], right[name], rtol=1e-6, atol=1e-6)
    assert row["is_outlier"] == right["is_outlier"]


async def raw(client: httpx.AsyncClient, sample: bytes) -> httpx.Response:
    return await client.post("/predict", content=sample, headers=PNG)


def log_of(context: Any) -> list[dict[str, Any]]:
    file = context.settings.home / "logs" / "serve-toys.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_predictions_are_those_of_pyfunc_alone_and_in_batches_in_every_form(context: Any) -> None:
    async def go() -> None:
        async with served(context, options()) as (client, service):
            alone = [(await raw(client, sample)).json() for sample in SAMPLES[:3]]
            for told, sample in zip(alone, SAMPLES, strict=False):
                assert (told["model"], told["version"], told["data_version"]) == ("toys", "1", "abc.dir")
                [row] = told["predictions"]
                close(row, 0, sample)
            before = service.metrics.registry.get_sample_value("selfsup_serve_batch_requests_count")
            together = await asyncio.gather(*(raw(client, sample) for sample in SAMPLES))
            after = service.metrics.registry.get_sample_value("selfsup_serve_batch_requests_count")
            assert after - before < len(SAMPLES) / 2  # several requests a batch
            for response, sample in zip(together, SAMPLES, strict=True):
                close(response.json()["predictions"][0], 0, sample)
            values = [text(sample) for sample in SAMPLES[:5]]
            for body in (
                {"inputs": values},
                {"instances": values},
                {"inputs": {"image": values}},
                {"dataframe_records": [{"image": value} for value in values]},
                {"dataframe_split": {"columns": ["image"], "data": [[value] for value in values]}},
            ):
                rows = (await client.post("/predict", json=body)).json()["predictions"]
                assert len(rows) == 5
                for row, sample in zip(rows, SAMPLES, strict=False):
                    close(row, 0, sample)

    asyncio.run(go())


def test_a_request_of_more_rows_than_a_batch_of_the_network(context: Any) -> None:
    async def go() -> None:
        async with served(context, options()) as (client, _):
            values = [text(SAMPLES[k % 40]) for k in range(101)]
            rows = (await client.post("/predict", json={"inputs": values})).json()["predictions"]
            assert len(rows) == 101
            for place in (0, 39, 63, 64, 79, 100):
                close(rows[place], 0, SAMPLES[place % 40])

    asyncio.run(go())


def test_a_server_that_ends_while_a_process_is_replaced_leaves_none(context: Any) -> None:
    async def go() -> None:
        async with served(context, options()) as (_, service):
            line, killed = service.champion(), _process(service)
            os.kill(killed, signal.SIGKILL)
            await until(lambda: not line.processes)

    asyncio.run(go())
    gc.collect()  # an open socket would be an error here


def test_the_log_names_model_and_data_and_never_what_was_sent(context: Any) -> None:
    async def go() -> None:
        async with served(context, options()) as (client, _):
            await raw(client, SAMPLES[0])
            await client.post("/predict", json={"inputs": [text(SAMPLES[0]), "a secret"]})

    asyncio.run(go())
    good, bad = log_of(context)
    assert {name: good[name] for name in ("status", "rows", "bytes", "model", "version", "data_version")} == {
        "status": 200, "rows": 1, "bytes": len(SAMPLES[0]), "model": "toys", "version": "1", "data_version": "abc.dir",
    }  # fmt: skip
    assert 0 < good["milliseconds"] < 60_000
    assert (bad["status"], bad["rows"], bad["request"]) == (400, 2, 2)
    assert "secret" not in (context.settings.home / "logs" / "serve-toys.jsonl").read_text()


def test_a_bad_row_is_named_by_its_index_with_the_reason_of_its_quarantine(context: Any) -> None:
    async def go() -> None:
        async with served(context, options()) as (client, service):
            values = [text(SAMPLES[0]), text(b"no image at all"), text(SAMPLES[1]), text(SAMPLES[2][:60])]
            response = await client.post("/predict", json={"inputs": values})
            assert response.status_code == 400
            told = response.json()["error"]
            assert told["code"] == "not an image"
            assert told["message"].startswith("row 1: not an image")
            assert [one["row"] for one in told["rows"]] == [1, 3]
            assert told["rows"][1]["code"] == "truncated"
            alone = await raw(client, b"no image at all")
            assert alone.json()["error"]["message"].startswith("not an image")
            many = await client.post("/predict", json={"inputs": ["?"] * 50})
            assert many.json()["error"]["bad_rows"] == 50
            assert len(many.json()["error"]["rows"]) == 20
            value = service.metrics.registry.get_sample_value
            assert value("selfsup_serve_errors_total", {"code": "not an image"}) == 2

    asyncio.run(go())


def test_a_good_request_is_answered_beside_bad_ones_in_its_batch(context: Any) -> None:
    async def go() -> None:
        async with served(context, options()) as (client, _):
            sent = [SAMPLES[0], b"bad", SAMPLES[1], b"", SAMPLES[2]]
            found = await asyncio.gather(*(raw(client, one) for one in sent))
            assert [one.status_code for one in found] == [200, 400, 200, 400, 200]
            for place in (0, 2, 4):
                close(found[place].json()["predictions"][0], 0, sent[place])

    asyncio.run(go())


def test_limits_of_bytes_rows_queue_and_memory(context: Any) -> None:
    limits = {"body": 2000, "rows": 3, "queue": 2, "queued_bytes": 10_000}

    async def go() -> None:
        async with served(context, options(limits=limits, batch=1)) as (client, service):
            large = await client.post("/predict", content=bytes(2001), headers=PNG)
            assert (large.status_code, large.json()["error"]["code"]) == (413, "body-too-large")

            async def stream() -> Any:
                for _ in range(3):
                    yield bytes(1000)

            assert (await client.post("/predict", content=stream(), headers=PNG)).status_code == 413
            assert service.held == 0
            rows = await client.post("/predict", json={"inputs": ["a"] * 4})
            assert (rows.status_code, rows.json()["error"]["code"]) == (413, "too-many-rows")
            found = await asyncio.gather(*(raw(client, SAMPLES[0]) for _ in range(12)))
            statuses = [one.status_code for one in found]
            assert set(statuses) == {200, 503}
            busy = next(one for one in found if one.status_code == 503)
            assert busy.headers["retry-after"] == "1"
            assert busy.json()["error"]["code"] == "server-busy"
            assert service.held == 0
            service.held = 9_900
            assert (await raw(client, SAMPLES[0])).status_code == 503
            assert service.held == 9_900

    asyncio.run(go())


def test_a_body_that_does_not_arrive_and_a_prediction_that_takes_too_long(context: Any) -> None:
    async def go() -> None:
        async with served(context, options(limits={"seconds": 0.3})) as (client, service):

            async def stream() -> Any:
                yield b"x"
                await asyncio.sleep(5)

            slow = await client.post("/predict", content=stream(), headers=PNG)
            assert (slow.status_code, slow.json()["error"]["code"]) == (408, "request-too-slow")
            assert service.held == 0
            process = _process(service)
            os.kill(process, signal.SIGSTOP)
            late = await raw(client, SAMPLES[0])
            assert (late.status_code, late.json()["error"]["code"]) == (504, "prediction-too-slow")
            await until(lambda: not Path(f"/proc/{process}").exists())  # it hangs: it is replaced
            service.options = options(limits={"seconds": 30})
            assert (await raw(client, SAMPLES[0])).status_code == 200

    asyncio.run(go())


def _process(service: Service) -> int:
    """The process of the champion's model."""
    [process] = service.champion().processes
    assert process.handle.pid is not None
    return process.handle.pid


def test_a_process_that_is_killed_costs_no_request(context: Any) -> None:
    async def go() -> None:
        async with served(context, options(batch=4)) as (client, service):
            killed = _process(service)
            waiting = [asyncio.create_task(raw(client, SAMPLES[k % 40])) for k in range(30)]
            await asyncio.sleep(0.02)
            os.kill(killed, signal.SIGKILL)
            found = await asyncio.gather(*waiting)
            assert [one.status_code for one in found] == [200] * 30
            for place, one in enumerate(found):
                close(one.json()["predictions"][0], 0, SAMPLES[place])
            assert _process(service) != killed

    asyncio.run(go())


def test_a_request_on_which_processes_die_is_refused_and_no_other(
    context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with a decoder that crashes: the process ends on this body, whatever is in the batch beside it."""
    monkeypatch.setattr("pipelines.serving.process_entry.main", deadly)

    async def go() -> None:
        async with served(context, options()) as (client, service):
            sent = [SAMPLES[0], b"crash", SAMPLES[1], SAMPLES[2]]
            found = await asyncio.gather(*(raw(client, one) for one in sent))
            assert [one.status_code for one in found] == [200, 500, 200, 200]
            assert found[1].json()["error"]["code"] == "model-process-died"
            assert (await raw(client, SAMPLES[3])).status_code == 200
            assert len(service.champion().processes) == 1

    asyncio.run(go())


def deadly(end: Any, folder: Path, sha256: dict[str, str], most: int, batch: int) -> None:
    from components.modalities.image import serve
    from pipelines.serving import model_process

    real = serve.decode

    def decode(data: bytes, config: Any) -> Any:
        if data == b"crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        return real(data, config)

    serve.decode = decode
    model_process.main(end, folder, sha256, most, batch)


async def stream_of(
    client: httpx.AsyncClient, found: list[httpx.Response], until_: Callable[[], bool]
) -> None:
    """Four requests at a time, until something is so."""

    async def one(first: int) -> None:
        number = first
        while not until_():
            found.append(await raw(client, SAMPLES[number % len(SAMPLES)]))
            number += 4

    await asyncio.gather(*(one(k) for k in range(4)))


def test_the_champion_moves_during_a_stream_of_requests(context: Any) -> None:
    """None fails, each is answered by one version wholly, and the versions switch once."""
    example(context, 0)

    async def go() -> None:
        async with served(context, options()) as (client, service):
            found: list[httpx.Response] = []
            ends: list[int] = []

            def over() -> bool:
                if service.champion().version.version == "2" and not ends:
                    ends.append(len(found) + 40)
                return bool(ends) and len(found) >= ends[0]

            streaming = asyncio.create_task(stream_of(client, found, over))
            await until(lambda: len(found) > 20)
            await asyncio.to_thread(crowned.crown, context, 1)
            await streaming
            assert {one.status_code for one in found} == {200}
            versions = [one.json()["version"] for one in found]
            assert set(versions) == {"1", "2"}
            # four at a time: beyond the switch no more than those that were being answered come late
            first = versions.index("2")
            assert "1" not in versions[first + 4 :]
            right = {seed: expected(seed, SAMPLES).to_dict("records") for seed in (0, 1)}
            for one in found:
                told = one.json()
                [row] = told["predictions"]
                rows = right[int(told["version"]) - 1]
                assert any(
                    np.allclose(row["probabilities"], known["probabilities"], atol=1e-6) for known in rows
                )
            assert (await client.get("/health")).json()["models"][0]["version"] == "2"

    asyncio.run(go())
    assert not list((context.settings.home / "serving" / "toys" / "models").iterdir())
