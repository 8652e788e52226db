"""The training loop: exact resumption, what it reports, when it stops; two processes against one."""

import copy
import itertools
import math
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import Tensor, nn

from components.data.packed import Packed
from components.encoders import build_encoder
from components.encoders.resnet import ResnetConfig
from components.errors import Collapse, UserError
from components.modalities.image.augment import ViewConfig
from components.modalities.image.config import image_packing
from components.objectives import build_objective
from components.objectives.base import Batch, Losses, Objective
from components.objectives.simclr import SimclrConfig
from components.objectives.swav import SwavConfig
from components.training.checkpoint import checkpoints
from components.training.device import place
from components.training.learner import Learner, derive_seed, features
from components.training.loop import TrainConfig, train
from components.training.optimiser import AdamwConfig, SgdConfig
from components.training.training_log import Check
from components.training.view_source import ViewSource

ROWS = 50
CPU = place("cpu", "float32")
VIEW = ViewConfig(size=8, hue=0, grayscale=0)
SMALL = ResnetConfig(widths=(4, 8), blocks=(1, 1))


def packed(rows: int = ROWS) -> Packed:
    images = np.random.default_rng(0).integers(0, 256, (rows, 1, 8, 8), dtype=np.uint8)
    return Packed(images, np.arange(rows))


def config(**changed: object) -> TrainConfig:
    given = {"epochs": 3, "batch_size": 16, "checkpoint_seconds": 0, "watch_steps": 1, "precision": "float32"}
    return TrainConfig.model_validate({**given, **changed})


def build(objective: object, seed: int = 0, view: ViewConfig = VIEW) -> tuple[Learner, ViewSource]:
    torch.manual_seed(seed)
    encoder = build_encoder(SMALL, image_packing(1, [0.5], [0.25]))
    built = build_objective(objective, encoder, ROWS, 8)  # type: ignore[arg-type]
    return Learner(encoder, built), ViewSource(
        packed(), built.views, {"global": view}, batch_size=16, seed=seed, device=CPU.device
    )


def run(
    folder: Path, objective: object, *, seed: int = 0, stop: int | None = None, **changed: object
) -> bytes:
    """Train; with `stop`, be cut off after that many steps. Returns the end state's bytes."""
    learner, source = build(objective, seed)

    def watch(step: int, figures: dict[str, float]) -> None:
        if step == stop:
            raise KeyboardInterrupt

    trained = train(learner, source, config(**changed), folder, watch, seed=seed, placement=CPU)
    return trained.checkpoint.read_bytes()


SIMCLR = SimclrConfig(embedding=8)
SWAV = SwavConfig(embedding=8, prototypes=6, queue=20, queue_from=0.2)


@pytest.mark.parametrize("objective", [SIMCLR, SWAV], ids=["simclr", "swav"])
class TestSameBytes:
    def test_twice_the_same_seed(self, tmp_path: Path, objective: object) -> None:
        assert run(tmp_path / "a", objective) == run(tmp_path / "b", objective)

    def test_another_seed_is_another_training(self, tmp_path: Path, objective: object) -> None:
        assert run(tmp_path / "a", objective) != run(tmp_path / "b", objective, seed=1)

    @pytest.mark.parametrize("stop", [2, 3, 4, 7, 9], ids="stop{}".format)
    def test_resumed_equals_never_stopped(self, tmp_path: Path, objective: object, stop: int) -> None:
        whole = run(tmp_path / "whole", objective, ema_decay=0.9)
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / "cut", objective, stop=stop, ema_decay=0.9)
        assert checkpoints(tmp_path / "cut")
        assert run(tmp_path / "cut", objective, ema_decay=0.9) == whole

    def test_a_finished_training_trains_nothing_and_says_the_same(
        self, tmp_path: Path, objective: object
    ) -> None:
        learner, source = build(objective)
        first = train(learner, source, config(), tmp_path, lambda *_: None, seed=0, placement=CPU)
        before, figures = first.checkpoint.read_bytes(), first.figures
        heard: list[int] = []
        learner, source = build(objective)
        again = train(
            learner, source, config(), tmp_path, lambda step, _: heard.append(step), seed=0, placement=CPU
        )
        assert not heard
        assert again.checkpoint.read_bytes() == before
        assert again.figures == figures
        assert again.steps == 9


class Recorder(Objective):
    """Counts its calls; its loss is a weight's square, so that everything is known."""

    views = (("global", 1),)

    def __init__(self, value: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([[value]]))
        self.calls: list[tuple[str, object]] = []
        self.fresh_parameters: list[nn.Parameter] = []
        self.seen: list[Tensor] = []

    def forward(self, encoder: nn.Module, batch: Batch) -> Losses:
        self.seen.append(batch.index)
        loss = self.weight.square().sum() + 0 * encoder(batch.views[0]).sum()
        return Losses(loss, {"half": loss.detach() / 2})

    def after_step(self, encoder: nn.Module, progress: float) -> None:
        self.calls.append(("step", round(progress, 6)))

    def before_epoch(self, epoch: int, features: object) -> None:
        self.calls.append(("epoch", epoch))

    def epoch_rows(self, rows: Tensor, seed: int, epoch: int) -> Tensor | None:
        return torch.arange(32) if epoch == 1 else None


def recorded(tmp_path: Path, objective: Recorder, **given: object) -> list[tuple[int, dict[str, float]]]:
    torch.manual_seed(0)
    learner = Learner(build_encoder(SMALL, image_packing(1, [0.5], [0.25])), objective)
    source = ViewSource(packed(), objective.views, {"global": VIEW}, batch_size=16, seed=0, device=CPU.device)
    heard: list[tuple[int, dict[str, float]]] = []
    check = given.pop("check", None)
    train(
        learner,
        source,
        config(**given),
        tmp_path,
        lambda step, figures: heard.append((step, figures)),
        seed=0,
        placement=CPU,
        check=check,  # type: ignore[arg-type]
    )
    return heard


def test_hooks_come_in_order_and_progress_ends_at_one(tmp_path: Path) -> None:
    objective = Recorder()
    recorded(tmp_path, objective, epochs=2)
    steps = [0.166667, 0.333333, 0.5]
    assert objective.calls == [
        ("epoch", 0), *(("step", s) for s in steps), ("epoch", 1), ("step", 0.75), ("step", 1.0)
    ]  # fmt: skip


def test_an_epoch_visits_each_row_once_or_the_rows_that_the_objective_chose(tmp_path: Path) -> None:
    objective = Recorder()
    recorded(tmp_path, objective, epochs=2)
    first, second = torch.cat(objective.seen[:3]), torch.cat(objective.seen[3:])
    assert len(first.unique()) == 48  # of 50: the last, incomplete batch is left out
    assert sorted(second.tolist()) == list(range(32))


@pytest.mark.parametrize("lr_scale", [1.0, 0.25])
def test_the_step_is_the_optimisers_with_the_schedules_rate(tmp_path: Path, lr_scale: float) -> None:
    """w <- w - lr * 2 w by hand, 3 steps, no warm-up: rates of the half cosine at 1/6, 1/2, 5/6, at the
    objective's lr_scale."""
    objective = Recorder(value=2.0)
    objective.lr_scale = lr_scale
    sgd = SgdConfig(learning_rate=0.1, momentum=0, weight_decay=0)
    heard = recorded(tmp_path, objective, epochs=1, optimiser=sgd, warmup=0)
    rates = [lr_scale * 0.05 * (1 + math.cos(math.pi * t)) for t in (1 / 6, 1 / 2, 5 / 6)]
    weights = [2.0]
    for r in rates:
        weights.append(weights[-1] * (1 - 2 * r))
    assert float(objective.weight.detach()) == pytest.approx(weights[-1], rel=1e-6)
    assert [f["rate"] for _, f in heard if "rate" in f] == pytest.approx(rates)
    squares = [w * w for w in weights[:3]]
    means = [s / n for n, s in enumerate(itertools.accumulate(squares), start=1)]
    assert [f["loss/total"] for _, f in heard] == pytest.approx([*means, means[-1]], rel=1e-6)
    assert heard[-1][1]["loss/half"] == pytest.approx(means[-1] / 2, rel=1e-6)


def test_clip_bounds_the_step(tmp_path: Path) -> None:
    objective = Recorder(value=100.0)
    sgd = SgdConfig(learning_rate=1.0, momentum=0, weight_decay=0)
    recorded(tmp_path, objective, epochs=1, optimiser=sgd, warmup=0, floor=1, clip=0.5)
    assert float(objective.weight.detach()) == pytest.approx(100 - 3 * 0.5, abs=1e-4)


def test_fresh_parameters_lose_their_moments(tmp_path: Path) -> None:
    class Restarting(Recorder):
        def before_epoch(self, epoch: int, features: object) -> None:
            self.fresh_parameters = [self.weight] if fresh else []

    after = []
    for fresh in (False, True):
        objective = Restarting(value=1.0)
        sgd = SgdConfig(learning_rate=0.01, momentum=0.9, weight_decay=0)
        recorded(tmp_path / str(fresh), objective, epochs=2, optimiser=sgd, warmup=0, floor=1)
        after.append(float(objective.weight.detach()))

    def by_hand(forgets: bool) -> float:
        w, m = 1.0, 0.0
        for epoch, steps in enumerate((3, 2)):
            m = 0.0 if forgets and epoch else m
            for _ in range(steps):
                m = 0.9 * m + 2 * w
                w -= 0.01 * m
        return w

    assert after == pytest.approx([by_hand(False), by_hand(True)], rel=1e-6)


def test_a_loss_that_is_not_finite_stops_and_leaves_the_last_good_checkpoint(tmp_path: Path) -> None:
    class Exploding(Recorder):
        def forward(self, encoder: nn.Module, batch: Batch) -> Losses:
            losses = super().forward(encoder, batch)
            return Losses(losses.total / (0 if len(self.seen) == 3 else 1), {})

    with pytest.raises(UserError, match="at step 3; try a smaller learning rate"):
        recorded(tmp_path, Exploding())
    assert [f.name for f in checkpoints(tmp_path)] == ["step-000000001.pt", "step-000000002.pt"]


def test_a_dead_run_is_stopped_after_patience_and_never_during_warm_up(tmp_path: Path) -> None:
    def dead(loss: float) -> Check:
        return Check({"spread": 0.0}, "all features are equal")

    with pytest.raises(Collapse, match="dead after 4 epochs: all features are equal"):
        recorded(tmp_path, Recorder(), epochs=8, warmup=0.25, patience=2, check=dead)


def test_a_run_that_recovers_is_left_alone(tmp_path: Path) -> None:
    verdicts = iter([None, "dead", None, "dead", "dead", None])
    heard = recorded(
        tmp_path,
        Recorder(),
        epochs=6,
        warmup=0,
        patience=3,
        check=lambda loss: Check({"spread": 1.0}, next(verdicts)),
    )
    assert heard[-1][1]["diagnostics/spread"] == 1.0
    assert heard[-1][1]["progress"] == 1.0


def test_a_checkpoint_of_another_training_is_refused(tmp_path: Path) -> None:
    run(tmp_path, SIMCLR)
    with pytest.raises(UserError, match="written with epochs 3 and this training has 4"):
        run(tmp_path, SIMCLR, epochs=4)


def test_features_are_those_of_a_plain_loop_and_leave_the_encoder_as_it_was() -> None:
    learner, source = build(SIMCLR)
    learner.train()
    before = copy.deepcopy(learner.encoder.state_dict())
    found = features(learner.encoder, source.clean, ROWS, CPU, batch_size=16)
    assert learner.encoder.training
    assert all(torch.equal(before[k], v) for k, v in learner.encoder.state_dict().items())
    learner.encoder.eval()
    images = torch.from_numpy(np.asarray(source.packed.images)).float() / 255
    expected = torch.cat([learner.encoder(images[i : i + 16]) for i in range(0, ROWS, 16)])
    assert torch.equal(found, expected.detach())


def test_draw_is_pure_and_tells_places_apart() -> None:
    places = [(0,), (1,), (0, 0), (0, 1), (1, 0), (0, 1, 1), (0, 11)]
    assert len({derive_seed(7, *p) for p in places}) == len(places)
    assert derive_seed(7, 1, 2) == derive_seed(7, 1, 2) != derive_seed(8, 1, 2)


# -- two processes


def _process(rank: int, world: int, folder: str, cut: bool) -> None:
    torch.set_num_threads(1)
    if world > 1:
        dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=world)
    try:
        _train(Path(folder), cut)
    except KeyboardInterrupt:
        pass
    finally:
        if world > 1:
            dist.destroy_process_group()


def _train(folder: Path, cut: bool) -> None:
    same = ViewConfig(size=8, scale=(1, 1), ratio=(1, 1), flip=0, jitter=0, grayscale=0)
    learner, source = build(SIMCLR, view=same)

    def watch(step: int, figures: dict[str, float]) -> None:
        if cut and step == 4:
            raise KeyboardInterrupt

    settings = config(epochs=2, optimiser=AdamwConfig(learning_rate=1e-3), sync_batch_norm=True)
    train(learner, source, settings, folder / "checkpoints", watch, seed=0, placement=CPU)
    state = {**{f"encoder.{k}": v for k, v in learner.encoder.state_dict().items()}}
    torch.save(state, folder / f"end-{dist.get_rank() if dist.is_initialized() else 0}.pt")


@pytest.mark.slow
def test_two_processes_equal_one_and_resume_exactly(tmp_path: Path) -> None:
    for name, world, cut in (("one", 1, False), ("two", 2, False), ("cut", 2, True), ("cut", 2, False)):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        (folder / "meet").unlink(missing_ok=True)
        mp.spawn(_process, (world, str(folder), cut), nprocs=world)
    one, two, other, cut_ = (
        torch.load(tmp_path / n, weights_only=True)
        for n in ("one/end-0.pt", "two/end-0.pt", "two/end-1.pt", "cut/end-0.pt")
    )
    for key, value in one.items():
        torch.testing.assert_close(two[key], value, rtol=1e-3, atol=1e-5, msg=key)
        assert torch.equal(two[key], other[key]), key
        assert torch.equal(two[key], cut_[key]), key
    ends = [checkpoints(tmp_path / n / "checkpoints")[-1].read_bytes() for n in ("two", "cut")]
    assert ends[0] == ends[1]
