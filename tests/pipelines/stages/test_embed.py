"""The embedding stage: bit-equal to a plain loop over the packed array, every row in its place."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from components.encoders import build_encoder
from components.encoders.resnet import ResnetConfig
from components.errors import UserError
from components.modalities.image.config import image_packing
from components.training.checkpoint import export_encoder
from components.training.device import place
from pipelines.engine.artifact import Artifact
from pipelines.engine.context import Context
from pipelines.settings import Settings
from pipelines.stages import embed

N, BATCH = 75, 16
CONFIG = ResnetConfig(widths=(4, 8), blocks=(1, 1))
PACKING = image_packing(1, [0.5], [0.3], 8)
DESCRIBED = {"encoder_config": CONFIG.model_dump(mode="json"), "packing": PACKING.model_dump(mode="json")}


def finished(store: Path, stage: str, output: dict[str, object], request: dict[str, object]) -> None:
    manifest = {
        "stage": stage, "version": 1, "recipe": "r", "given": {}, "request": request, "observed": {},
        "code": "", "output": output, "started": 0.0, "seconds": 0.0,
    }  # fmt: skip
    (store / stage / "0" / "manifest.json").write_text(json.dumps(manifest))


@pytest.fixture
def store(tmp_path: Path) -> Path:
    store = tmp_path / "store"
    for stage in ("snapshot", "pretrain"):
        (store / stage / "0").mkdir(parents=True)
    images = np.random.default_rng(0).integers(0, 256, (N, 1, 8, 8), dtype=np.uint8)
    np.save(store / "snapshot/0/images.npy", images)
    torch.manual_seed(0)
    encoder = build_encoder(CONFIG, PACKING)
    for _ in range(3):  # running statistics that are not those of a new network
        encoder(torch.rand(8, 1, 8, 8))
    export_encoder(store / "pretrain/0/encoder.safetensors", encoder)
    snapshot, pretrain = store / "snapshot/0", store / "pretrain/0"
    artifact = Artifact.of(snapshot / "images.npy", snapshot)
    output = {"samples": N, "packing": DESCRIBED["packing"], "arrays": {"images": artifact.model_dump()}}
    finished(store, "snapshot", output, {})
    described = {
        "encoder": Artifact.of(pretrain / "encoder.safetensors", pretrain).model_dump(),
        **DESCRIBED, "feature_dim": encoder.feature_dim,
    }  # fmt: skip
    finished(store, "pretrain", described, {"train": {"precision": "auto"}})
    return store


def plain(store: Path) -> np.ndarray:
    """The same encoder in a loop of its own."""
    placement, encoder = place("cpu", "auto"), build_encoder(CONFIG, PACKING)
    encoder.load_state_dict(load_file(store / "pretrain/0/encoder.safetensors"))
    placement.put(encoder).eval()
    images = torch.from_numpy(np.load(store / "snapshot/0/images.npy")).float() / 255
    with torch.inference_mode(), placement.autocast():
        return torch.cat([encoder(x).float() for x in images.split(BATCH)]).numpy()


def work(store: Path) -> dict[str, object]:
    return {
        "weights": str(store / "pretrain/0/encoder.safetensors"),
        "encoder": DESCRIBED,
        "samples": {"packing": DESCRIBED["packing"], "files": {"images": str(store / "snapshot/0/images.npy")}},
        "features": str(store / "features.npy"),
        "batch_size": BATCH, "device": "cpu", "precision": "auto",
    }  # fmt: skip


def test_a_worker_writes_its_rows_and_only_those(store: Path) -> None:
    np.save(store / "features.npy", np.full((N, 8), -1, np.float32))
    done = embed.Embedder(work(store))({"start": 16, "stop": 75})
    assert done["rows"] == 59
    features = np.load(store / "features.npy")
    assert (features[:16] == -1).all()
    np.testing.assert_array_equal(features[16:], plain(store)[16:])


def test_no_sample_is_a_users_error(store: Path, tmp_path: Path) -> None:
    output = json.loads((store / "snapshot/0/manifest.json").read_text())["output"]
    finished(store, "snapshot", {**output, "samples": 0}, {})
    context = Context(store=store, settings=Settings(home=tmp_path, device="cpu"), recipe="r")
    with pytest.raises(UserError, match="no samples to embed"):
        embed.run(embed.Request(snapshot="snapshot/0", pretrain="pretrain/0"), tmp_path, context)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("cpus", "workers"), [(1, 0), (2, 0), (5, 0), pytest.param(2, 2, marks=pytest.mark.slow)]
)
def test_in_forks_and_under_ray_data_it_is_bit_equal_to_a_plain_loop(
    store: Path, tmp_path: Path, cpus: int, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embed, "RANGE", 2)
    settings = Settings(home=tmp_path / "home", device="cpu", cpus=cpus, workers=workers)
    folder = tmp_path / "embed"
    folder.mkdir()
    context = Context(store=store, settings=settings, recipe="r", folder=folder)
    request = embed.Request(snapshot="snapshot/0", pretrain="pretrain/0", batch_size=BATCH)
    output = embed.run(request, folder, context)
    features = np.load(folder / output.features.path)
    assert features.dtype == np.float32
    np.testing.assert_array_equal(features, plain(store))
    assert (output.samples, output.dim) == features.shape
