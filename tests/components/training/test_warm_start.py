"""A warm start: which rows an epoch visits, what is taken over, what is refused; resumed in the middle."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from components.data.packed import Packed
from components.encoders import build_encoder
from components.encoders.resnet import ResnetConfig
from components.errors import UserError
from components.modalities.image.augment import ViewConfig
from components.modalities.image.config import image_packing
from components.objectives import build_objective
from components.objectives.deepcluster import DeepclusterConfig
from components.objectives.simclr import SimclrConfig
from components.objectives.swav import SwavConfig
from components.training.device import place
from components.training.learner import Learner
from components.training.loop import TrainConfig, Trained, train
from components.training.optimiser import AdamwConfig, SgdConfig
from components.training.view_source import ViewSource
from components.training.warm_start import Warm, WarmConfig

OLD, NEW = 50, 14
CPU = place("cpu", "float32")
VIEW = ViewConfig(size=8, hue=0, grayscale=0)
SIMCLR = SimclrConfig(embedding=8)
SWAV = SwavConfig(embedding=8, prototypes=6, queue=20, queue_from=0.2)
DEEPCLUSTER = DeepclusterConfig(clusters=4, components=0)


class Spy(ViewSource):
    """Remembers the rows that it served, epoch by epoch."""

    def begin(self, epoch: int, step: int, chosen: Tensor | None) -> int:
        self.served = [*getattr(self, "served", []), []]
        return super().begin(epoch, step, chosen)

    def batch(self, step: int, generator: torch.Generator):  # type: ignore[no-untyped-def]
        batch = super().batch(step, generator)
        self.served[-1] += batch.index.tolist()
        return batch


def config(**changed: object) -> TrainConfig:
    given = {"epochs": 2, "batch_size": 16, "checkpoint_seconds": 0, "watch_steps": 1, "precision": "float32"}
    return TrainConfig.model_validate({**given, **changed})


def run(
    folder: Path, objective: object, *, rows: int = OLD, warm: Warm | None = None, stop: int | None = None,
    **changed: object,
) -> tuple[Trained, Spy]:  # fmt: skip
    torch.manual_seed(rows)
    encoder = build_encoder(ResnetConfig(widths=(4, 8), blocks=(1, 1)), image_packing(1, [0.5], [0.25]))
    built = build_objective(objective, encoder, rows, 8)  # type: ignore[arg-type]
    images = np.random.default_rng(0).integers(0, 256, (rows, 1, 8, 8), dtype=np.uint8)
    source = Spy(
        Packed(images, np.arange(rows)),
        built.views,
        {"global": VIEW},
        batch_size=16,
        seed=0,
        device=CPU.device,
    )

    def watch(step: int, figures: dict[str, float]) -> None:
        if step == stop:
            raise KeyboardInterrupt

    learner = Learner(encoder, built)
    done = train(learner, source, config(**changed), folder, watch, seed=0, placement=CPU, warm=warm)
    return done, source


def warm_of(parent: Trained, replay: float = 1.0) -> Warm:
    return Warm(parent.checkpoint, torch.arange(OLD, OLD + NEW), torch.arange(OLD), replay)


class TestRows:
    def rows(
        self, new: int, old: int, replay: float, epoch: int = 0, seed: int = 0, batch: int = 8
    ) -> Tensor:
        warm = Warm(Path(), torch.arange(old, old + new), torch.arange(old), replay)
        return warm.rows(batch, seed, epoch)

    def test_every_new_row_once_and_other_old_ones_each_epoch(self) -> None:
        seen = [self.rows(10, 100, 1.5, epoch) for epoch in range(40)]
        for rows in seen:
            assert sorted(rows[rows >= 100].tolist()) == list(range(100, 110))
            assert len(rows.unique()) == len(rows) == 25
        assert len({tuple(rows.sort().values.tolist()) for rows in seen}) == 40
        counts = torch.bincount(torch.cat(seen), minlength=110)[:100]  # 600 draws: 6 each, no row left out
        assert 0 < counts.min() <= 6 <= counts.max() < 20

    def test_a_pure_function_of_seed_and_epoch(self) -> None:
        assert torch.equal(self.rows(10, 100, 1, epoch=3), self.rows(10, 100, 1, epoch=3))
        assert not torch.equal(self.rows(10, 100, 1, epoch=3), self.rows(10, 100, 1, epoch=3, seed=1))

    @pytest.mark.parametrize(
        ("new", "old", "replay", "visited"),
        [(10, 100, 0, 10), (3, 100, 1, 8), (0, 100, 5, 8), (10, 4, 2, 14), (3, 2, 1, 5), (10, 0, 1, 10)],
    )
    def test_how_many(self, new: int, old: int, replay: float, visited: int) -> None:
        """None new: replay only; too few for a batch: filled up with old ones, as far as there are any."""
        assert len(self.rows(new, old, replay)) == visited


def test_by_default_it_costs_less_than_half_of_scratch() -> None:
    warm, epochs, old, new = WarmConfig(), 20, 16_000, 8_000
    visited = Warm(Path(), torch.arange(old, old + new), torch.arange(old), warm.replay).rows(256, 0, 0)
    assert warm.epochs_of(epochs) * len(visited) <= epochs * (old + new) / 2
    assert warm.epochs_of(1) == 1
    slower = WarmConfig(rate=0.25).optimiser_of(AdamwConfig(learning_rate=0.004))
    assert (slower, warm.rate) == (AdamwConfig(learning_rate=0.001), 1.0)


@pytest.mark.parametrize("objective", [SIMCLR, SWAV, DEEPCLUSTER], ids=["simclr", "swav", "deepcluster"])
class TestTraining:
    def test_it_begins_where_the_parent_ended(self, tmp_path: Path, objective: object) -> None:
        parent, _ = run(tmp_path / "parent", objective, ema_decay=0.9)
        still = AdamwConfig(learning_rate=1e-30)
        child, _ = run(
            tmp_path / "child", objective, rows=OLD + NEW, warm=warm_of(parent), ema_decay=0.9, optimiser=still,
            epochs=1,
        )  # fmt: skip
        was, average = parent.learner.state_dict(), parent.average
        assert average is not None
        assert child.average is not None
        for name, value in child.learner.named_parameters():
            if not name.startswith("objective.top"):  # DeepCluster's last layer belongs to its clusters
                torch.testing.assert_close(value, was[name], rtol=0, atol=1e-6, msg=name)
        state = torch.load(child.checkpoint, weights_only=True)
        before = torch.load(parent.checkpoint, weights_only=True)
        assert state["ema"]["updates"] == before["ema"]["updates"] + child.steps
        assert state["optimiser"]["state"][0]["step"] == before["optimiser"]["state"][0]["step"] + child.steps
        assert state["position"]["done"] == child.steps

    def test_resumed_equals_never_stopped(self, tmp_path: Path, objective: object) -> None:
        parent, _ = run(tmp_path / "parent", objective)
        how = {"rows": OLD + NEW, "warm": warm_of(parent, replay=2), "epochs": 3}
        whole, _ = run(tmp_path / "whole", objective, **how)  # type: ignore[arg-type]
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / "cut", objective, stop=3, **how)  # type: ignore[arg-type]
        again, _ = run(tmp_path / "cut", objective, **how)  # type: ignore[arg-type]
        assert again.checkpoint.read_bytes() == whole.checkpoint.read_bytes()
        assert whole.steps == 3 * 2

    def test_only_the_rows_of_the_epoch_are_served(self, tmp_path: Path, objective: object) -> None:
        parent, _ = run(tmp_path / "parent", objective, epochs=1)
        warm = Warm(parent.checkpoint, torch.arange(OLD, OLD + NEW), torch.arange(10), replay=18 / 14)
        _, source = run(tmp_path / "child", objective, rows=OLD + NEW, warm=warm)
        served = source.served
        assert set(served[0] + served[1]) <= set(range(10)) | set(range(OLD, OLD + NEW))
        if objective is not DEEPCLUSTER:  # which draws with replacement, evenly over its clusters
            assert all(len(set(epoch) & set(range(OLD, OLD + NEW))) >= NEW - 8 for epoch in served)


def test_what_does_not_fit_is_refused_in_one_line(tmp_path: Path) -> None:
    parent, _ = run(tmp_path / "parent", SIMCLR, epochs=1)
    for number, (objective, how) in enumerate((
        (SWAV, {}),
        (SimclrConfig(embedding=9), {}),
        (SIMCLR, {"optimiser": SgdConfig()}),
        (SIMCLR, {"ema_decay": 0.9}),
    )):  # fmt: skip
        with pytest.raises(UserError, match="train from scratch") as error:
            run(tmp_path / str(number), objective, rows=OLD + NEW, warm=warm_of(parent), **how)  # type: ignore[arg-type]
        assert "\n" not in str(error.value)
