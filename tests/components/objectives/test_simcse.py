import math

import pytest
import torch

from components.encoders.text_bag import TextBagConfig
from components.errors import UserError
from components.objectives.base import Batch
from components.objectives.simcse import Simcse, SimcseConfig
from tests.components.objectives.texts import TRANSFORMER, make, texts

INDEX = torch.arange(6)
CONFIG = SimcseConfig(dropout=0.3)


def cosine(a, b):
    return (a @ b / (a.norm() * b.norm())).item()


@pytest.mark.parametrize("encoder", [TRANSFORMER, TextBagConfig(width=12)], ids=["transformer", "bag"])
def test_the_loss_is_a_loop_over_texts(encoder):
    built, objective = make(Simcse, CONFIG, encoder)
    view = texts()
    loss = objective(built, Batch([view], INDEX)).total
    noise = [objective.noise(built, INDEX, stream) for stream in range(2)]
    first, second = (objective.head(built(view, part)) for part in noise)
    each = []
    for i in range(6):
        weights = [math.exp(cosine(first[i], second[j]) / 0.05) for j in range(6)]
        each.append(-math.log(weights[i] / sum(weights)))
    assert loss.item() == pytest.approx(sum(each) / 6, rel=1e-4)


def test_equal_texts_cost_the_logarithm_of_their_number():
    built, objective = make(Simcse, SimcseConfig(dropout=1e-9))
    view = texts()[:1].repeat(6, 1)
    assert objective(built, Batch([view], INDEX)).total.item() == pytest.approx(math.log(6), rel=1e-4)


def test_channels_are_left_out_at_the_rate_and_the_mean_stays():
    built, objective = make(Simcse, SimcseConfig(dropout=0.1))
    noise = objective.noise(built, torch.arange(3000), 0)
    assert noise.shape == (3000, built.noisy_layers, 12)
    sigma = math.sqrt(0.09 / noise.numel())
    assert abs(float((noise == 0).float().mean()) - 0.1) < 3 * sigma
    assert noise.unique().tolist() == pytest.approx([0, 1 / 0.9])
    assert float(noise.mean()) == pytest.approx(1, abs=0.01)


def test_noise_belongs_to_sample_and_step():
    built, objective = make(Simcse, CONFIG)
    noise = objective.noise(built, INDEX, 0)
    assert torch.equal(objective.noise(built, INDEX[[4, 2]], 0), noise[[4, 2]])
    assert not torch.equal(objective.noise(built, INDEX, 1), noise)
    objective.after_step(built, 0.5)
    assert not torch.equal(objective.noise(built, INDEX, 0), noise)


def test_both_halves_see_the_same_text(monkeypatch):
    built, objective = make(Simcse, CONFIG)
    seen, forward = [], built.forward
    monkeypatch.setattr(built, "forward", lambda *given: seen.append(given) or forward(*given))
    view = texts()
    objective(built, Batch([view], INDEX))
    both, noise = seen[0]
    assert torch.equal(both, torch.cat([view, view]))
    assert not torch.equal(*noise.chunk(2))


def test_what_cannot_work_is_refused():
    built, objective = make(Simcse, CONFIG)
    with pytest.raises(UserError, match="simcse needs 2 samples or more"):
        objective(built, Batch([texts()[:1]], INDEX[:1]))
    assert (SimcseConfig().dropout, SimcseConfig().temperature) == (0.1, 0.05)
