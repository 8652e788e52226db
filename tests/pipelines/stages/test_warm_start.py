"""Pretraining again after a delivery: what is new is told by id, what the parent lacks is refused."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from components.data.table import Table
from components.errors import UserError
from components.modalities.image.config import ImagePacking, image_packing
from components.training.warm_start import Warm
from pipelines.engine.artifact import Artifact
from pipelines.engine.context import Context
from pipelines.engine.manifest import Manifest
from pipelines.settings import Settings
from pipelines.stages import pretrain

FIRST, BOTH, TEST = 60, 90, 12


class Stored(Context):
    def output(self, reference: str) -> Any:
        """A snapshot's as it is written here; its other fields have no part in this."""
        text = (self.store / reference / "manifest.json").read_text()
        output = json.loads(text)["output"]
        read = {"table": Artifact.model_validate, "packing": ImagePacking.model_validate}
        return SimpleNamespace(**{k: read[k](v) if k in read else v for k, v in output.items()})


def finish(store: Path, reference: str, request: dict[str, Any], output: dict[str, Any]) -> None:
    stage, _, _ = reference.partition("/")
    manifest = Manifest(
        stage=stage, version=1, recipe="r", given={}, observed={}, code="", request=request, output=output,
        started=0, seconds=0,
    )  # fmt: skip
    (store / reference / "manifest.json").write_text(manifest.model_dump_json())


def snapshot(store: Path, reference: str, order: np.ndarray, test: set[int]) -> None:
    """Samples `order` of 100, in that order; every one is the same picture in every snapshot."""
    folder = store / reference
    folder.mkdir(parents=True)
    images = np.random.default_rng(0).integers(0, 256, (100, 1, 8, 8), dtype=np.uint8)[order]
    np.save(folder / "images.npy", images)
    split = np.array(["test" if i in test else "train" for i in order])
    ids = np.array([f"{i:064x}" for i in order])
    Table(ids, ids, split, np.full(len(ids), -1, np.int64)).save(folder / "table.parquet")
    finish(store, reference, {}, {
        "samples": len(order),
        "packing": image_packing(1, [0.1 * len(reference)], [0.3], 8).model_dump(mode="json"),
        "arrays": {"images": Artifact.of(folder / "images.npy", folder).model_dump()},
        "table": Artifact.of(folder / "table.parquet", folder).model_dump(),
    })  # fmt: skip


@pytest.fixture
def context(tmp_path: Path) -> Context:
    store = tmp_path / "store"
    snapshot(store, "snapshot/first", np.arange(FIRST), set(range(TEST)))
    shuffled = np.random.default_rng(1).permutation(BOTH)  # later rows need not come last
    snapshot(store, "snapshot/both", shuffled, set(range(TEST)) | {70, 80})
    here = Stored(store=store, settings=Settings(home=tmp_path / "home", device="cpu"), recipe="r")
    parent, folder = request("snapshot/first"), store / "pretrain" / "parent"
    folder.mkdir(parents=True)
    done = pretrain.run(parent, folder, here)
    finish(store, "pretrain/parent", parent.model_dump(mode="json"), done.model_dump(mode="json"))
    return here


def request(snapshot: str, parent: str | None = None, **more: Any) -> pretrain.Request:
    view = {"size": 8, "hue": 0, "grayscale": 0}
    train = {"epochs": 4, "batch_size": 16, "watch_steps": 1, "checkpoint_seconds": 0, "precision": "float32"}
    return pretrain.Request.model_validate({
        "snapshot": snapshot,
        "objective": {"name": "simclr", "embedding": 8},
        "views": view,
        "encoder": {"name": "resnet", "widths": [4, 8], "blocks": [1, 1]},
        "train": train,
        "start": {"parent": parent} if parent else None,
        **more,
    })  # fmt: skip


def again(context: Context, folder: Path, **more: Any) -> pretrain.Output:
    folder.mkdir(exist_ok=True)
    return pretrain.run(request("snapshot/both", "pretrain/parent", **more), folder, context)


def test_new_is_what_the_parent_has_not_seen_and_it_costs_less(
    context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    met: list[Warm] = []
    rows = Warm.rows

    def spy(self: Warm, *given: Any) -> torch.Tensor:
        met.append(self)
        return rows(self, *given)

    monkeypatch.setattr(Warm, "rows", spy)
    output = again(context, tmp_path / "child")
    train = Table.load(context.store / "snapshot/both/table.parquet")
    ids = [int(x, 16) for x in train.ids[train.train_rows()]]
    assert {ids[i] for i in met[0].new} == set(range(FIRST, BOTH)) - {70, 80}
    assert {ids[i] for i in met[0].old} == set(range(TEST, FIRST))
    assert output.new_samples == 28
    assert output.samples == 28 + 48
    assert (output.epochs, output.steps) == (3, 3 * (56 // 16))  # of 28 new and 28 old
    assert output.generation == 1
    assert output.packing.mean == (0.1 * len("snapshot/first"),)  # the encoder has learnt with it
    state = torch.load(tmp_path / "child" / output.checkpoint.path, weights_only=True)
    assert state["optimiser"]["param_groups"][0]["peak"] == pytest.approx(2e-3)
    assert state["identity"]["samples"] == 76


def test_from_scratch_nothing_is_said_of_a_parent(context: Context, tmp_path: Path) -> None:
    (tmp_path / "scratch").mkdir()
    output = pretrain.run(request("snapshot/both"), tmp_path / "scratch", context)
    assert (output.generation, output.new_samples, output.samples, output.epochs) == (0, 76, 76, 4)


def test_the_same_request_gives_the_same_bytes_and_resumes_to_them(
    context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = again(context, tmp_path / "whole")
    with monkeypatch.context() as patch:

        def cut(self: Context, step: int, **figures: float) -> None:
            if step == 4:
                raise KeyboardInterrupt

        patch.setattr(Context, "log", cut)
        with pytest.raises(KeyboardInterrupt):
            again(context, tmp_path / "cut")
    resumed = again(context, tmp_path / "cut")
    assert resumed.checkpoint.sha256 == whole.checkpoint.sha256
    assert resumed.encoder.sha256 == whole.encoder.sha256


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"objective": {"name": "simclr", "embedding": 9}}, "objective"),
        ({"encoder": {"name": "resnet", "widths": [8, 8], "blocks": [1, 1]}}, "encoder"),
        ({"views": {"size": 8, "hue": 0, "grayscale": 0.1}}, "views"),
        ({"views": "photo"}, "views"),
        ({"local_views": {"size": 4}}, "local_views"),
    ],
)
def test_another_objective_encoder_or_view_is_refused(
    context: Context, tmp_path: Path, change: dict[str, Any], name: str
) -> None:
    with pytest.raises(UserError, match=f"needs the parent's {name}.*pretrain/.* train from scratch"):
        again(context, tmp_path / "child", **change)


def test_a_parent_whose_files_are_gone_is_refused(context: Context, tmp_path: Path) -> None:
    for file in (context.store / "pretrain/parent/checkpoints").iterdir():
        file.unlink()
    with pytest.raises(UserError, match="missing"):
        again(context, tmp_path / "child")
