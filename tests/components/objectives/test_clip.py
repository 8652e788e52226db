import math

import pytest
import torch

from components.encoders import build_encoder
from components.encoders.resnet import Resnet, ResnetConfig
from components.errors import UserError
from components.modalities.image.config import image_packing
from components.objectives import build_objective, check_objective
from components.objectives.base import Batch
from components.objectives.clip import Clip, ClipConfig, contrast
from tests.components.objectives.pairs import PACKING, TOWERS, pairs

IMAGE = torch.tensor([[1, 2, 3], [-1, 0.5, 2], [0.3, -2, 1]], dtype=torch.float64)
TEXT = torch.tensor([[1.1, 1.8, 2.5], [-0.5, 1, 2], [0.1, -1.5, 1.5]], dtype=torch.float64)


def scale(value):
    return torch.tensor(float(value), dtype=torch.float64)


def slow(image, text, factor):
    """Figure 3 of the paper, pair by pair."""
    image, text = ([row / row.norm() for row in side] for side in (image, text))
    total = 0.0
    for k in range(len(image)):
        own = math.exp(factor * float(image[k] @ text[k]))
        of_image = sum(math.exp(factor * float(image[k] @ other)) for other in text)
        of_text = sum(math.exp(factor * float(other @ text[k])) for other in image)
        total -= math.log(own / of_image) + math.log(own / of_text)
    return total / (2 * len(image))


@pytest.mark.parametrize("factor", [0.5, 1.0, 14.3, 100.0])
def test_equals_the_papers_figure_in_loops(factor):
    assert contrast(IMAGE, TEXT, scale(factor)).item() == pytest.approx(slow(IMAGE, TEXT, factor), abs=1e-12)


def test_closed_forms():
    eye, ones = torch.eye(2, dtype=torch.float64), torch.ones(5, 3, dtype=torch.float64)
    assert contrast(eye, eye, scale(1)).item() == pytest.approx(math.log(1 + math.exp(-1)), abs=1e-12)
    assert contrast(eye, eye.flip(0), scale(1)).item() == pytest.approx(math.log(1 + math.e), abs=1e-12)
    assert contrast(ones, ones, scale(7)).item() == pytest.approx(math.log(5), abs=1e-12)


def test_by_hand_where_both_directions_differ():
    """Cosines [[1, .6], [0, .8]] at scale 1: rows give log(1 + e^-.4) and log(1 + e^-.8), columns log(1 + e^-1) and
    log(1 + e^-.2)."""
    image = torch.eye(2, dtype=torch.float64)
    text = torch.tensor([[1.0, 0.0], [0.6, 0.8]], dtype=torch.float64)
    each = [math.log(1 + math.exp(-gap)) for gap in (0.4, 0.8, 1.0, 0.2)]
    found = contrast(image, text, scale(1)).item()
    assert found == pytest.approx(sum(each) / 4, abs=1e-12)
    assert contrast(text, image, scale(1)).item() == pytest.approx(found)


def test_lengths_do_not_matter():
    once = contrast(IMAGE, TEXT, scale(5))
    torch.testing.assert_close(contrast(3 * IMAGE, 0.1 * TEXT, scale(5)), once)


def test_the_gradient_is_that_of_finite_differences_and_reaches_both_sides_and_the_temperature():
    given = [IMAGE.clone().requires_grad_(), TEXT.clone().requires_grad_(), scale(2).requires_grad_()]
    assert torch.autograd.gradcheck(contrast, given)
    contrast(*given).backward()
    assert all(one.grad.abs().sum() > 0 for one in given)


@pytest.mark.parametrize(("image", "text"), [((1, 4), (1, 4)), ((3, 4), (2, 4)), ((4,), (4,))])
def test_what_cannot_be_contrasted_is_refused(image, text):
    with pytest.raises(UserError, match="clip needs"):
        contrast(torch.ones(image), torch.ones(text), torch.tensor(1.0))


def made(temperature=0.07):
    torch.manual_seed(0)
    encoder = build_encoder(TOWERS, PACKING)
    return encoder, build_objective(ClipConfig(temperature=temperature), encoder, 24, 70)


def test_the_objective_is_the_loss_of_the_projected_sides_at_the_learnt_temperature():
    encoder, objective = made(temperature=0.5)
    view = pairs(5)
    image, text = encoder.eval().embed(view)
    losses = objective(encoder, Batch([view], torch.arange(5)))
    torch.testing.assert_close(losses.total, contrast(image, text, torch.tensor(2.0)))
    assert losses.parts["temperature"].item() == pytest.approx(0.5)


def test_the_temperature_is_learnt_and_never_below_a_hundredth():
    encoder, objective = made()
    assert objective.log_scale.item() == pytest.approx(math.log(1 / 0.07))
    objective(encoder, Batch([pairs(5)], torch.arange(5))).total.backward()
    assert objective.log_scale.grad.abs() > 0
    with torch.no_grad():
        objective.log_scale.fill_(math.log(250.0))
    objective.after_step(encoder, 0.5)
    assert objective.log_scale.exp().item() == pytest.approx(100.0)
    assert objective.progress == 0.5
    with torch.no_grad():
        objective.log_scale.fill_(math.log(99.0))
    objective.after_step(encoder, 0.6)
    assert objective.log_scale.exp().item() == pytest.approx(99.0)


def test_it_needs_pairs_and_two_towers():
    check_objective(ClipConfig(), "pair")
    with pytest.raises(
        UserError, match=r"objective clip needs pairs of an image and a caption, .* modality is image"
    ):
        check_objective(ClipConfig(), "image")
    with pytest.raises(UserError, match="clip needs an encoder of images beside one of captions, got Resnet"):
        Clip(ClipConfig(), Resnet(ResnetConfig(widths=(4,), blocks=(1,)), image_packing(1)))
