import pytest
import torch
import torch.nn.functional as F
from pydantic import ValidationError

from components.encoders import build_encoder
from components.encoders.resnet import ResnetConfig
from components.encoders.start import Start
from components.encoders.text_transformer import TextTransformerConfig
from components.errors import UserError
from components.modalities.image.config import image_packing
from components.objectives import OBJECTIVES, build_objective
from components.objectives.base import Batch
from components.objectives.distillation import Distillation, DistillationConfig, cosine_loss, smooth_l1_loss
from components.training.learner import Learner
from tests.components.objectives import texts
from tests.components.objectives.teachers import teacher

GREY = image_packing(1, [0.4], [0.25])
SMALL, LARGE = ResnetConfig(widths=(4, 8), blocks=(1, 1)), ResnetConfig(widths=(4, 6), blocks=(1, 1))
CONFIG = DistillationConfig(teacher=teacher(LARGE, GREY))


def make(config=CONFIG):
    torch.manual_seed(0)
    encoder = build_encoder(SMALL, GREY)
    return encoder, Distillation(config, encoder)


def given(samples=5):
    generator = torch.Generator().manual_seed(0)
    return Batch([torch.rand(samples, 1, 8, 8, generator=generator) for _ in range(2)], torch.arange(samples))


def the_teacher(config=CONFIG):
    """The finished encoder, made without the objective: the same weights, in eval mode."""
    with torch.random.fork_rng():
        torch.manual_seed(7)
        return build_encoder(LARGE, GREY).eval()


def test_cosines_by_hand():
    a, b = torch.tensor([[3.0, 4.0], [1.0, 0.0]]), torch.tensor([[30.0, 40.0], [0.0, 2.0]])
    assert float(cosine_loss(a, b)) == pytest.approx(0.5)
    assert float(cosine_loss(a, -a)) == pytest.approx(2)


def test_smooth_l1_by_hand():
    target = torch.tensor([[1.0, 3.0]])  # standardised: -1, 1
    assert float(smooth_l1_loss(torch.tensor([[-1.0, 1.0]]), target, 2.0)) == pytest.approx(0, abs=1e-5)
    # deviations of 1 (1 / (2 * 2)) and 5 (5 - 1)
    assert float(smooth_l1_loss(torch.tensor([[0.0, 6.0]]), target, 2.0)) == pytest.approx(
        (0.25 + 4) / 2, abs=1e-4
    )


@pytest.mark.parametrize("crossed", [False, True])
def test_the_loss_is_put_together_by_hand(crossed):
    encoder, objective = make(CONFIG.model_copy(update={"crossed": crossed, "loss": "smooth_l1", "size": 12}))
    batch, finished = given(), the_teacher()
    with torch.no_grad():
        told = [
            finished(F.interpolate(v, size=(12, 12), mode="bilinear", antialias=True)) for v in batch.views
        ]
        projected = objective.head(encoder(torch.cat(batch.views))).chunk(2)
        pairs = zip(projected, reversed(told) if crossed else told, strict=True)
        expected = sum(float(smooth_l1_loss(p, t, 2.0)) for p, t in pairs) / 2
        assert float(objective(encoder, batch).total) == pytest.approx(expected, rel=1e-4)
        assert float(make()[1](encoder, batch).total) != pytest.approx(expected, rel=1e-2)


def test_the_teacher_has_the_weights_of_the_file_learns_nothing_and_stays_in_eval_mode():
    encoder, objective = make()
    before = {name: value.clone() for name, value in objective.teacher.state_dict().items()}
    expected = the_teacher().state_dict()
    assert all(torch.equal(before[name], expected[name]) for name in before)
    learner = Learner(encoder, objective).train()
    assert not any(module.training for module in objective.teacher.modules())
    assert not any(parameter.requires_grad for parameter in objective.teacher.parameters())
    assert objective.head.training
    learner(given()).total.backward()
    assert all(p.grad is None for p in objective.teacher.parameters())
    assert all(p.grad is not None and p.grad.any() for p in encoder.parameters())
    assert all(p.grad.any() for p in objective.head.parameters())
    assert all(torch.equal(value, before[name]) for name, value in objective.teacher.state_dict().items())


def test_a_student_learns_what_the_teacher_tells_apart():
    """The loss falls, and true pairs of sample and target cost less than shuffled ones."""
    encoder, objective = make(CONFIG.model_copy(update={"loss": "smooth_l1"}))
    with torch.no_grad():  # a teacher that tells samples apart: its last map is not nearly the same of all
        x = given(16).views[0]
        objective.teacher = Bright()
        objective.head = torch.nn.Linear(8, 3)
    optimiser = torch.optim.Adam([*encoder.parameters(), *objective.head.parameters()], 1e-2)
    batch = Batch([x, x], torch.arange(16))
    losses = []
    for _ in range(60):
        optimiser.zero_grad()
        loss = objective(encoder, batch).total
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.3 * losses[0]


class Bright(torch.nn.Module):
    """The mean of three parts of an image."""

    def forward(self, x):
        return torch.stack(
            [x[:, 0, :3].mean((1, 2)), x[:, 0, 3:5].mean((1, 2)), x[:, 0, 5:].mean((1, 2))], dim=1
        )


def test_texts_have_teachers_too():
    own = TextTransformerConfig(width=12, depth=1, heads=2)
    config = DistillationConfig(teacher=teacher(own.model_copy(update={"width": 16}), texts.PACKING))
    assert OBJECTIVES["distillation"].needs == "any"
    encoder = build_encoder(own, texts.PACKING)
    objective = build_objective(config, encoder, 8, 6)
    views = [texts.texts(8, seed=0)] * 2
    objective(encoder, Batch(views, torch.arange(8))).total.backward()
    assert all(torch.isfinite(p.grad).all() for p in encoder.parameters() if p.grad is not None)
    with pytest.raises(UserError, match="enlarges images alone, and the samples are of kind text"):
        build_objective(config.model_copy(update={"size": 9}), encoder, 8, 6)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (DistillationConfig(), "needs a teacher whose weights lie in a local file"),
        (DistillationConfig(teacher=LARGE), "needs a teacher whose weights lie in a local file"),
        (
            DistillationConfig(
                teacher=LARGE.model_copy(update={"start": Start(weights="/none", sha256="0" * 64)})
            ),
            "/none, which is missing",
        ),
        (CONFIG.model_copy(update={"teacher": CONFIG.teacher.model_copy(update={"widths": (4, 7)})}), "does not fit"),
        (
            DistillationConfig(
                teacher=TextTransformerConfig(width=12, depth=1, heads=2, start=CONFIG.teacher.start)
            ),
            "takes text",
        ),
    ],
)  # fmt: skip
def test_mistakes(config, message):
    with pytest.raises(UserError, match=message):
        make(config)


def test_two_views_are_needed():
    encoder, objective = make()
    with pytest.raises(UserError, match="distillation needs 2 views"):
        objective(encoder, Batch(given().views[:1], torch.arange(5)))
    with pytest.raises(ValidationError):
        DistillationConfig(loss="kl")
