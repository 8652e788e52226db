"""The pretraining stage: what it writes, which rows it sees, resumption, collapse; Ray workers, too."""

import dataclasses
import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file

from components.config import explain
from components.data.packed import PackedArray
from components.data.table import Table
from components.encoders import build_encoder
from components.encoders.resnet import ResnetConfig
from components.errors import Collapse, UserError
from components.modalities.image.augment import ViewConfig
from components.modalities.image.config import image_packing
from components.modalities.image.policies import views
from components.training import data_parallel, orientation
from pipelines.engine.artifact import Artifact
from pipelines.engine.context import Context
from pipelines.settings import Settings
from pipelines.stages import pretrain

N, TEST = 60, 12


def write_snapshot(store: Path, rows: int = N, test: int = TEST) -> Any:
    """A finished snapshot of `rows` small images, the first `test` of them for testing."""
    folder = store / "snapshot" / "0"
    folder.mkdir(parents=True)
    images = np.random.default_rng(0).integers(0, 256, (rows, 1, 8, 8), dtype=np.uint8)
    np.save(folder / "images.npy", images)
    split = np.array(["test"] * test + ["train"] * (rows - test))
    names = np.array([f"{i:064x}" for i in range(rows)])
    Table(names, names, split, np.full(rows, -1, np.int64)).save(folder / "table.parquet")
    return SimpleNamespace(
        samples=rows, packing=image_packing(1, [0.5], [0.3], 8),
        arrays={"images": Artifact.of(folder / "images.npy", folder)},
        table=Artifact.of(folder / "table.parquet", folder),
    )  # fmt: skip


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Context:
    snapshot = write_snapshot(tmp_path / "store")
    monkeypatch.setattr(Context, "output", lambda self, reference: snapshot)
    folder = tmp_path / "pretrain" / ".0123.part"
    folder.mkdir(parents=True)
    settings = Settings(home=tmp_path / "home", device="cpu", cpus=1)
    return Context(store=tmp_path / "store", settings=settings, recipe="small", folder=folder)


PLAIN = {"scale": (1, 1), "ratio": (1, 1), "flip": 0, "jitter": 0}


def request(view: dict[str, object] | None = None, **train: object) -> pretrain.Request:
    given = {"epochs": 2, "batch_size": 16, "watch_steps": 1, "checkpoint_seconds": 0, "precision": "float32"}
    how = {"size": 8, "hue": 0, "grayscale": 0, **(view or {})}
    return pretrain.Request.model_validate({
        "snapshot": "snapshot/0",
        "objective": {"name": "simclr", "embedding": 8},
        "views": how,
        "encoder": {"name": "resnet", "widths": [4, 8], "blocks": [1, 1]},
        "train": {**given, **train},
        "seed": 3,
    })  # fmt: skip


def run(context: Context, folder: Path, **given: Any) -> pretrain.Output:
    folder.mkdir(parents=True, exist_ok=True)
    return pretrain.run(request(**given), folder, context)


def test_it_writes_an_encoder_a_checkpoint_and_figures(context: Context) -> None:
    assert context.folder is not None
    output = run(context, context.folder)
    weights = load_file(context.folder / output.encoder.path)
    encoder = build_encoder(output.encoder_config, output.packing)
    encoder.load_state_dict(weights)
    assert encoder.feature_dim == output.feature_dim
    assert (output.steps, output.epochs, output.samples) == (6, 2, N - TEST)
    assert {"loss/total", "diagnostics/spread", "diagnostics/rank"} <= output.figures.keys()
    assert 0 <= output.data_wait_share <= 1
    state = torch.load(context.folder / output.checkpoint.path, weights_only=True)
    assert torch.equal(state["learner"]["encoder." + next(iter(weights))], next(iter(weights.values())))
    assert told(context.folder) == [1, 2, 3, 4, 5, 6]
    assert not (context.folder / "ray").exists()


def test_no_test_row_is_ever_gathered(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[np.ndarray] = []
    gather = PackedArray.gather

    def spy(self: PackedArray, index: torch.Tensor, **given: Any) -> torch.Tensor:
        seen.append(self.rows[index.numpy()])
        return gather(self, index, **given)

    monkeypatch.setattr(PackedArray, "gather", spy)
    assert context.folder is not None
    run(context, context.folder)
    assert set(np.concatenate(seen).tolist()) == set(range(TEST, N))


def test_killed_in_the_middle_and_run_again_it_ends_in_the_same_bytes(
    context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run(context, tmp_path / "whole")
    with monkeypatch.context() as patch:

        def cut(self: Context, step: int, **figures: float) -> None:
            if step == 5:
                raise KeyboardInterrupt

        patch.setattr(Context, "log", cut)
        with pytest.raises(KeyboardInterrupt):
            run(context, tmp_path / "cut")
    again = run(context, tmp_path / "cut")
    assert again.encoder.sha256 == whole.encoder.sha256
    assert again.checkpoint.sha256 == whole.checkpoint.sha256


def test_collapse_is_a_named_error_with_figures_and_remedies(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    from components.encoders.resnet import Resnet

    forward = Resnet.forward
    monkeypatch.setattr(Resnet, "forward", lambda self, x: forward(self, x) * 1e-6 + 1)
    assert context.folder is not None
    with pytest.raises(Collapse, match=r"dead after 2 epochs.*spread .*smaller learning rate.*epsilon \.03"):
        run(context, context.folder, epochs=5, patience=2, warmup=0)


def test_too_few_samples_is_a_users_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot = write_snapshot(tmp_path / "store", rows=3, test=2)
    monkeypatch.setattr(Context, "output", lambda self, reference: snapshot)
    context = Context(
        store=tmp_path / "store", settings=Settings(home=tmp_path, device="cpu", cpus=1), recipe="r"
    )
    with pytest.raises(UserError, match="at least 2 training samples, got 1"):
        run(context, tmp_path / "p")


def told(folder: Path) -> list[int]:
    lines = [json.loads(x) for x in (folder / "metrics.jsonl").read_text().splitlines()]
    return [x["step"] for x in lines if "rate" in x]


def test_in_processes_it_gives_what_one_process_gives(
    context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the statistics of the whole batch; and a checkpoint is gone on with by as many processes on any machine."""
    monkeypatch.setattr(data_parallel, "SMALLEST", 8)
    monkeypatch.setattr(pretrain, "available", lambda: 3)
    here = run(context, tmp_path / "here", view=PLAIN, sync_batch_norm=True)
    assert here.processes == 1
    assert context.folder is not None
    (context.folder / "metrics.jsonl").unlink()
    two = dataclasses.replace(context, settings=context.settings.model_copy(update={"cpus": 3}))
    output = run(two, tmp_path / "there", view=PLAIN, sync_batch_norm=True)
    assert output.processes == 2
    assert "2 of 3 cores train: batch_size 16 in equal parts" in capsys.readouterr().out
    assert told(context.folder) == [1, 2, 3, 4, 5, 6]  # each step once, not once a process
    a, b = (load_file(tmp_path / f / "encoder.safetensors") for f in ("here", "there"))
    for name, value in a.items():
        torch.testing.assert_close(b[name], value, rtol=1e-2, atol=1e-3, msg=name)
    shutil.copytree(tmp_path / "there" / "checkpoints", tmp_path / "moved" / "checkpoints")
    again = run(context, tmp_path / "moved", view=PLAIN, sync_batch_norm=True)  # one core
    assert again.processes == 2
    assert again.encoder.sha256 == output.encoder.sha256


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("workers", [1, 2])
def test_under_ray_workers_it_gives_what_one_process_gives(
    context: Context, tmp_path: Path, workers: int
) -> None:
    here = run(
        context, tmp_path / "here", view=PLAIN, sync_batch_norm=True
    )  # each process draws its own views
    settings = Settings(home=tmp_path / "home", device="cpu", workers=workers)
    assert context.folder is not None
    there = Context(store=context.store, settings=settings, recipe="small", folder=context.folder)
    (context.folder / "metrics.jsonl").unlink()
    output = run(there, context.folder, view=PLAIN, sync_batch_norm=True)
    assert told(context.folder) == [1, 2, 3, 4, 5, 6]
    a, b = (load_file(f / "encoder.safetensors") for f in (tmp_path / "here", context.folder))
    for name, value in a.items():
        torch.testing.assert_close(b[name], value, rtol=1e-2, atol=1e-3, msg=name)
    assert output.steps == here.steps
    assert ResnetConfig(widths=(4, 8), blocks=(1, 1)) == output.encoder_config


def test_views_are_those_of_the_policy_that_was_measured(
    context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """At the images' size."""
    monkeypatch.setattr(orientation, "FEWEST", 40)
    seen: list[pretrain.Beginning] = []
    real = pretrain.begin
    monkeypatch.setattr(pretrain, "begin", lambda given, *rest: seen.append(given) or real(given, *rest))
    asked = request().model_copy(update={"views": "measured"})
    (tmp_path / "m").mkdir()
    output = pretrain.run(asked, tmp_path / "m", context)
    assert output.orientation is not None
    assert output.policy == output.orientation.policy
    assert output.policy is not None
    assert seen[0].views["global"] == views(output.policy, 8, 1).pretrain
    assert f"views of policy {output.policy}: told from the samples" in capsys.readouterr().out
    named = request().model_copy(update={"views": "upright"})
    (tmp_path / "n").mkdir()
    output = pretrain.run(named, tmp_path / "n", context)
    assert (output.policy, output.orientation) == ("upright", None)
    assert seen[1].views["global"].flip == 0


def test_what_makes_the_image_again_has_the_size_of_the_views(
    context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not that of the data (8 pixels), nor the default of a view (32)."""
    seen: list[pretrain.Beginning] = []
    real = pretrain.begin
    monkeypatch.setattr(pretrain, "begin", lambda given, *rest: seen.append(given) or real(given, *rest))
    asked = request({"size": 6}, epochs=1).model_dump(mode="json")
    asked["objective"] = {"name": "autoencoder", "width": 4}
    (tmp_path / "a").mkdir()
    output = pretrain.run(pretrain.Request.model_validate(asked), tmp_path / "a", context)
    assert seen[0].views["global"].size == 6
    assert output.figures["loss/total"] > 0


def test_views_are_a_policy_or_options_and_nothing_else() -> None:
    ask = pretrain.Request.model_validate
    assert ask({"snapshot": "s", "views": {"scale": [0.5, 1]}}).views == ViewConfig(scale=(0.5, 1))
    for given, said in (
        ("phto", r"one of photo, upright, any_way_up, signal, measured, or a mapping .*got 'phto'"),
        (3, "or a mapping of the options of a view .got 3"),
        ({"siz": 3}, "unknown key 'siz'; did you mean 'size'"),
    ):
        with pytest.raises(ValidationError, match=said) as error:
            ask({"snapshot": "s", "views": given})
        assert error.value.error_count() == 1
        assert explain(error.value, "pretrain").startswith("pretrain: views: ")


def test_a_recipe_that_names_no_size_sees_views_of_the_size_of_the_data(
    context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[pretrain.Beginning] = []
    real = pretrain.begin
    monkeypatch.setattr(pretrain, "begin", lambda given, *rest: seen.append(given) or real(given, *rest))
    train = {"epochs": 1, "batch_size": 16, "precision": "float32"}
    encoder = {"name": "resnet", "widths": [4], "blocks": [1]}
    (tmp_path / "n").mkdir()
    pretrain.run(
        pretrain.Request(snapshot="snapshot/0", train=train, encoder=encoder), tmp_path / "n", context
    )
    assert {role: view.size for role, view in seen[0].views.items()} == {"global": 8, "plain": 8, "local": 4}
