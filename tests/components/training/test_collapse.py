"""Five ways to die, each made on purpose in a short training and noticed; no healthy run is accused."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from components.data.packed import PackedArray
from components.encoders import build_encoder
from components.encoders.resnet import ResnetConfig
from components.errors import Collapse, UserError
from components.modalities.image.augment import ViewConfig
from components.modalities.image.config import image_packing
from components.modalities.image.views import ImageViews
from components.objectives import OBJECTIVES, build_objective
from components.objectives.base import Losses, Objective
from components.objectives.byol import Byol, ByolConfig
from components.objectives.dino import Dino, DinoConfig
from components.objectives.needs import GIVEN
from components.objectives.parts.multicrop import encode
from components.objectives.swav import Swav, SwavConfig
from components.training.collapse_check import Look
from components.training.device import place
from components.training.learner import Learner
from components.training.loop import TrainConfig, train
from components.training.optimiser import AdamwConfig
from components.training.view_source import ViewSource
from tests.components.objectives.cases import CASES, encoder_of

CPU, SIDE, ROWS = place("cpu", "float32"), 8, 96
VIEW = ViewConfig(size=SIDE, scale=(0.5, 1.0), hue=0, saturation=0, grayscale=0)
VIEWS = {"global": VIEW, "plain": VIEW, "local": VIEW.model_copy(update={"size": 4})}
SMALL = ResnetConfig(widths=(4, 8), blocks=(1, 1))
PACKING = image_packing(1, [0.5], [0.25], SIDE)
ON_IMAGES = [name for name, case in CASES.items() if OBJECTIVES[case.config.name].needs in GIVEN["image"]]


def patterns() -> PackedArray:
    """[ROWS, 1, 8, 8]: four patterns, each with noise of its own; the classes an objective can find."""
    rng = np.random.default_rng(0)
    shapes = rng.integers(0, 2, (4, 1, SIDE // 2, SIDE // 2)).repeat(2, axis=2).repeat(2, axis=3) * 160
    images = shapes[np.arange(ROWS) % 4] + rng.integers(0, 90, (ROWS, 1, SIDE, SIDE))
    return PackedArray(images.astype(np.uint8), np.arange(ROWS))


def training(folder, objective, encoder, *, views=VIEWS, steps=200, batch=24, rate=5e-3, decay=0.0):
    """Train until the end or until the run is called dead; the epochs' figures."""
    labels = torch.arange(ROWS) % 4 if objective.uses_labels else None
    learner = Learner(encoder, objective)
    source = ViewSource(
        patterns(),
        ImageViews(PACKING),
        objective.views,
        views,
        batch_size=batch,
        seed=0,
        device=CPU.device,
        labels=labels,
    )
    config = TrainConfig(
        epochs=steps * batch // ROWS,
        batch_size=batch,
        optimiser=AdamwConfig(learning_rate=rate, weight_decay=decay),
        precision="float32",
        watch_steps=10_000,
        checkpoint_seconds=10_000,
    )
    seen = []
    train(
        learner, source, config, folder, lambda _, f: seen.append(f),
        seed=0, placement=CPU, check=Look(learner, source, CPU, 0),
    )  # fmt: skip
    return seen


def encoder(seed=0):
    torch.manual_seed(seed)
    return build_encoder(SMALL, PACKING)


class Drawn(Objective):
    """A loss on the features [B, D] of two views, given as a function."""

    views = (("global", 2),)

    def __init__(self, loss):
        super().__init__()
        self.loss = loss

    def forward(self, encoder, batch):
        return Losses(self.loss(*encode(encoder, batch.views)))


def nothing_repels(a, b):
    """Views attract, and all samples too."""
    a, b = F.normalize(a, dim=1), F.normalize(b, dim=1)
    return (a - b).square().sum(1).mean() + (a - a.mean(dim=0)).square().sum(1).mean()


def one_direction(a, b):
    """Every dimension is to say the same."""
    z = torch.cat([a, b])
    z = (z - z.mean(dim=0)) / (z.std(dim=0) + 1e-3)
    return (1 - z.T @ z / len(z)).abs().mean()


@pytest.mark.parametrize(
    ("loss", "rate", "words"),
    [(nothing_repels, 0.05, "nearly equal"), (one_direction, 0.04, "along one line")],
    ids=["constant", "line"],
)
def test_features_that_die(tmp_path, loss, rate, words):
    with pytest.raises(Collapse, match=words):
        training(tmp_path, Drawn(loss), encoder(), rate=rate)


def test_a_clustering_loss_that_stays_at_ln_k(tmp_path):
    """Codes that say nothing: their epsilon is a thousand times too large."""
    config = SwavConfig(embedding=6, prototypes=5, epsilon=50.0, temperature=10.0)
    with pytest.raises(Collapse, match=r"stays at 1\.6094"):
        training(tmp_path, Swav(config, (net := encoder()), ROWS), net)


class Unbalanced(Swav):
    def _codes(self, scores):
        return (scores / 0.05).softmax(dim=-1)


def test_all_samples_in_one_prototype(tmp_path):
    config = SwavConfig(embedding=6, prototypes=5, freeze=0.0)
    with pytest.raises(Collapse, match="all samples go to one prototype"):
        training(tmp_path, Unbalanced(config, (net := encoder()), ROWS), net, rate=6e-2)


def test_a_teacher_without_a_predictor(tmp_path):
    net, hard = encoder(), VIEW.model_copy(update={"scale": (0.1, 1.0)})
    byol = Byol(ByolConfig(hidden=16, embedding=8, momentum=0.5), net, ROWS)
    byol.predictor = torch.nn.Identity()
    with pytest.raises(Collapse, match="embeddings are nearly equal"):
        training(tmp_path, byol, net, views={"global": hard}, rate=5e-2)


class Uncentred(Dino):
    def after_step(self, encoder, progress):
        super().after_step(encoder, progress)
        self.centre.zero_()


def test_a_teacher_without_centring(tmp_path):
    net = encoder()
    config = DinoConfig(hidden=16, bottleneck=8, outputs=8, norm=False, freeze=0.0)
    with pytest.raises(Collapse, match="give every sample the same answer"):
        training(tmp_path, Uncentred(config, net, ROWS), net, rate=1e-2)


def test_a_teacher_too_warm_to_say_anything(tmp_path):
    net = encoder()
    config = DinoConfig(
        hidden=16, bottleneck=8, outputs=8, freeze=0.0, teacher_temperature=(9.0, 9.0), warm=0.0
    )
    with pytest.raises(Collapse, match="the teacher's answers are uniform"):
        training(tmp_path, Dino(config, net, ROWS), net)


def test_weights_that_decay_to_nothing(tmp_path):
    with pytest.raises(Collapse, match=r"decayed away|nearly equal"):
        training(tmp_path, Drawn(lambda a, b: 0 * (a + b).sum()), encoder(), rate=0.05, decay=10.0)


def test_a_loss_that_is_not_finite_stops_at_once(tmp_path):
    with pytest.raises(UserError, match=r"the loss is (nan|inf) at step 4"):
        training(tmp_path, Drawn(lambda a, b: (a * 1e30).square().sum()), encoder())


@pytest.mark.slow
@pytest.mark.parametrize("name", ON_IMAGES)
def test_a_healthy_run_is_not_accused(tmp_path, name):
    torch.manual_seed(0)
    net = encoder_of(name)
    objective = build_objective(CASES[name].config, net, ROWS, SIDE)
    seen = training(tmp_path, objective, net, steps=60, batch=8, rate=2e-3)
    assert any("diagnostics/lidar" in figures for figures in seen)
