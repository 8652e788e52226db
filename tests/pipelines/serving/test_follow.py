"""What is served while the registry changes: broken versions, a deleted champion, MLflow that does not answer."""

import asyncio
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from components.errors import UserError
from pipelines.serving import follow
from tests.pipelines.serving.serving import example, options, png, served, until
from tests.pipelines.stages import crowned

PNG = {"Content-Type": "image/png"}


def place(context: Any, seed: int) -> Path:
    return Path(context.settings.home) / "models" / str(seed)


def no_file(context: Any) -> None:
    (place(context, 1) / "artifacts" / "classifier" / "model.safetensors").unlink()


def other_bytes(context: Any) -> None:
    file = place(context, 1) / "artifacts" / "classifier" / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-1] + b"\x01")


def bad_example(context: Any) -> None:
    example(context, 1, {"inputs": ["bm8gaW1hZ2U="]})


def not_a_number(context: Any) -> None:
    """Weights that are no numbers: it loads, and predicts NaN."""
    from components.registry.champion import combined
    from components.registry.model import Classifier
    from components.registry.served import digests, save_model

    files = place(context, 1) / "artifacts" / "classifier"
    model: Classifier = crowned.classifier(1)
    model.head.weight.data.fill_(float("nan"))
    save_model(model, files)
    example(context, 1)
    crowned.registry_of(context).set_tags("2", {"selfsup.digest": combined(digests(files))})


@pytest.mark.parametrize(
    ("break_", "code", "said"),
    [
        (no_file, "model-files-lost", "cannot be fetched"),
        (other_bytes, "digest-differs", "they were changed"),
        (bad_example, "model-does-not-load", "its own example is not predicted: not an image"),
        (not_a_number, "model-does-not-load", "predictions of its own example must be finite"),
    ],
)
def test_a_version_that_cannot_be_served_leaves_the_old_one(
    context: Any, break_: Callable[[Any], None], code: str, said: str
) -> None:
    crowned.crown(context, 1)
    registry = crowned.registry_of(context)
    registry.set_alias("champion", "1")
    break_(context)

    async def go() -> None:
        async with served(context, options()) as (client, service):
            registry.set_alias("champion", "2")
            await until(lambda: bool(service.follower.troubles))
            [told] = (await client.get("/health")).json()["models"]
            assert (told["version"], told["code"]) == ("1", code)
            assert said in told["trouble"]
            response = await client.post("/predict", content=png(1), headers=PNG)
            assert response.json()["version"] == "1"
            text = (await client.get("/metrics")).text
            assert 'selfsup_serve_trouble{kind="champion"} 1.0' in text
            assert 'selfsup_serve_loads_total{kind="failed"} 1.0' in text
            assert 'selfsup_serve_version{role="champion",version="1"} 1.0' in text
            await asyncio.sleep(0.3)
            assert service.follower.loads == {"loaded": 1, "failed": 1}  # not tried again and again
            registry.set_alias("champion", "1")
            await until(lambda: not service.follower.troubles)

    asyncio.run(go())
    assert not list((context.settings.home / "serving" / "toys" / "models").iterdir())


def test_a_broken_version_is_tried_again_when_it_may_be_mended(
    context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow, "AGAIN", 0.5)

    async def go() -> None:
        async with served(context, options()) as (_, service):
            crowned.crown(context, 1)
            file = place(context, 1) / "artifacts" / "classifier" / "model.json"
            away = file.with_name("away")
            file.rename(away)
            await until(
                lambda: service.follower.loads["failed"] > 0 or service.champion().version.version == "2"
            )
            away.rename(file)
            await until(lambda: service.champion().version.version == "2")
            assert not service.follower.troubles

    asyncio.run(go())


def test_a_champion_that_is_deleted_goes_on_being_served(context: Any) -> None:
    registry = crowned.registry_of(context)

    async def go() -> None:
        async with served(context, options()) as (client, service):
            registry.set_alias("champion", None)
            registry.client.delete_model_version("toys", "1")
            shutil.rmtree(place(context, 0))
            await until(lambda: bool(service.follower.troubles))
            [told] = (await client.get("/health")).json()["models"]
            assert told["code"] == "champion-deleted"
            assert told["trouble"] == "no champion in the registry; version 1 goes on being served"
            found = await asyncio.gather(
                *(client.post("/predict", content=png(k), headers=PNG) for k in range(8))
            )
            assert {one.json()["version"] for one in found} == {"1"}
            assert (await client.get("/ready")).status_code == 200
            [process] = service.champion().processes
            crowned.crown(context, 1)
            await until(lambda: service.champion().version.version == "2")
            await until(lambda: not process.handle.is_alive())
            assert not service.follower.troubles

    asyncio.run(go())


def test_a_registry_that_does_not_answer_changes_nothing(
    context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def go() -> None:
        async with served(context, options()) as (client, service):

            def silent(name: str) -> None:
                raise ConnectionError("no route to the server")

            monkeypatch.setattr(service.follower.registry.client, "get_registered_model", silent)
            await until(lambda: bool(service.follower.troubles))
            [told] = (await client.get("/health")).json()["models"]
            assert (told["code"], told["version"]) == ("mlflow-unavailable", "1")
            response = await client.post("/predict", content=png(1), headers=PNG)
            assert response.status_code == 200
            monkeypatch.undo()
            await until(lambda: not service.follower.troubles)

    asyncio.run(go())


def test_without_a_champion_the_server_does_not_start(tmp_path: Path, mlflow_template: Path) -> None:
    from tests.pipelines.serving.serving import home

    empty = home(tmp_path, mlflow_template)

    async def go() -> None:
        async with served(empty, options()):
            pass

    with pytest.raises(UserError, match="toys: there is no champion yet") as error:
        asyncio.run(go())
    assert error.value.code == "no-champion"


def test_what_the_champion_cannot_do_is_the_message_of_the_start(context: Any) -> None:
    (place(context, 0) / "artifacts" / "classifier" / "model.safetensors").unlink()

    async def go() -> None:
        async with served(context, options()):
            pass

    with pytest.raises(UserError, match="cannot be fetched") as error:
        asyncio.run(go())
    assert error.value.code == "model-files-lost"


def test_the_example_that_mlflow_saves_is_the_one_that_is_tried(context: Any) -> None:
    example(context, 0)

    async def go() -> None:
        async with served(context, options()) as (_, service):
            file = service.champion().folder / "example.json"
            assert json.loads(file.read_text())["dataframe_split"]["columns"] == ["image"]

    asyncio.run(go())
