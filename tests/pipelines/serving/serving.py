"""A toy registered model that is served in the process of the test, over ASGI."""

import asyncio
import base64
import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
from PIL import Image

from components.registry.predictor import Predictor
from pipelines.engine.context import Context
from pipelines.recipe import Recipe, load
from pipelines.serving.app import build_app
from pipelines.serving.options import Options, checked
from pipelines.serving.server import running, service_of
from pipelines.serving.service import Service
from tests.pipelines.stages import crowned

ADDRESS = "http://127.0.0.1:8000"


def recipe_of(context: Context, text: str = "") -> Recipe:
    folder = context.settings.home / "recipes"
    folder.mkdir(exist_ok=True)
    file = folder / "toys.yaml"
    file.write_text(
        f"name: toys\nmodality: {{name: image, size: {crowned.SIDE}, channels: 1}}\ninbox: ../inbox\n{text}"
    )
    return load(file)


def options(**given: Any) -> Options:
    """Of a server that looks at the registry ten times a second."""
    return checked({"port": 0, "poll": 0.1, **given})


def png(seed: int, side: int = crowned.SIDE) -> bytes:
    out = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side), dtype=np.uint8)
    Image.fromarray(pixels).save(out, format="PNG")
    return out.getvalue()


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def example(context: Context, seed: int, body: dict[str, Any] | None = None) -> None:
    """The input example with which MLflow saves a model."""
    file = context.settings.home / "models" / str(seed) / "serving_input_example.json"
    file.write_text(json.dumps(body or {"dataframe_split": {"columns": ["image"], "data": [[text(png(1))]]}}))


def expected(seed: int, samples: list[bytes]) -> pd.DataFrame:
    """What MLflow's pyfunc predicts: its SavedModel calls this Predictor."""
    return Predictor(crowned.classifier(seed)).predict(samples)


@asynccontextmanager
async def served(
    context: Context, given: Options, recipe: Recipe | None = None
) -> AsyncIterator[tuple[httpx.AsyncClient, Service]]:
    service = await asyncio.to_thread(service_of, recipe or recipe_of(context), given, context.settings)
    async with running(service):
        transport = httpx.ASGITransport(build_app(service, ADDRESS))
        async with httpx.AsyncClient(transport=transport, base_url=ADDRESS, timeout=60) as client:
            yield client, service


async def until(holds: Any, seconds: float = 30.0) -> None:
    """Waits until something is so."""
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.02)


def home(tmp_path: Path, template: Path, **settings: Any) -> Context:
    return crowned.context_of(tmp_path / "home", template, **settings)
