import math

import pytest
import torch

from components.errors import UserError
from components.objectives.base import Batch
from components.objectives.parts.codebooks import gumbel
from components.objectives.wav2vec2 import (
    Wav2vec2Loss,
    Wav2vec2LossConfig,
    contrast,
    others,
    slowed,
    spans,
)
from tests.components.objectives.sounds import VIT, WAVE, make, sounds

CONFIG = Wav2vec2LossConfig(span=2, begin=0.3, distractors=4, entries=5, embedding=8)


def test_spans_begin_where_chance_says_and_may_overlap():
    numbers = torch.tensor(
        [[0.01, 0.9, 0.9, 0.02, 0.03, 0.9, 0.9, 0.9], [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.01, 0.02]]
    )
    inside = torch.ones(2, 8, dtype=torch.bool)
    inside[1, 6:] = False
    found = spans(numbers, inside, 0.05, 2)
    assert found.int().tolist() == [[1, 1, 0, 1, 1, 1, 0, 0], [0, 0, 0, 0, 0, 1, 0, 0]]  # one span at least
    numbers = torch.rand(400, 500, generator=torch.Generator().manual_seed(0))
    share = spans(numbers, torch.ones(400, 500, dtype=torch.bool), 0.065, 10).float().mean()
    assert float(share) == pytest.approx(1 - (1 - 0.065) ** 10, abs=0.01)  # .49, as published


def test_distractors_are_other_hidden_latents_of_the_same_sound():
    hidden = torch.zeros(3, 6, dtype=torch.bool)
    hidden[0, [1, 2, 4]] = hidden[1, 3] = hidden[2, [0, 5]] = True
    numbers = torch.rand(3, 6, 300, generator=torch.Generator().manual_seed(0))
    found = others(hidden, numbers)
    assert [sorted(set(row.tolist())) for row in found] == [[1, 2], [0, 2], [0, 1], [3], [5], [4]]
    share = (found[0] == 1).float().mean()
    assert float(share) == pytest.approx(0.5, abs=0.1)


def test_the_contrast_is_a_loop_over_candidates():
    torch.manual_seed(0)
    predicted, targets = torch.randn(5, 4), torch.randn(5, 4)
    wrong = torch.tensor([[1, 2], [0, 4], [3, 3], [0, 1], [2, 0]])
    found = contrast(predicted, targets, torch.arange(5)[:, None], wrong, 0.1)
    for n in range(5):
        scores = [
            float(torch.cosine_similarity(predicted[n], targets[m], dim=0)) / 0.1
            for m in (n, *wrong[n].tolist())
        ]
        expected = math.log(sum(math.exp(s) for s in scores)) - scores[0]
        assert float(found[n]) == pytest.approx(expected, rel=1e-4, abs=1e-5)


def test_a_distractor_that_is_the_same_latent_counts_as_none():
    targets = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    codes = torch.tensor([[3, 1], [3, 1], [3, 2]])
    found = contrast(targets, targets, codes, torch.tensor([[1], [2], [2]]), 1.0)
    assert found.tolist() == pytest.approx([0, math.log(1 + math.exp(-1)), 0])


def test_the_loss_is_the_sum_of_its_published_parts():
    encoder, objective = make(Wav2vec2Loss, CONFIG)
    x, index = sounds(4), torch.arange(4)
    losses = objective(encoder, Batch([x], index))
    latents, inside = encoder.latents(x)
    normal = encoder.latent_norm(latents)
    u = objective.chance.uniform(index, inside.shape[1])
    hidden = spans(u, inside, 0.3, 2)
    tokens = encoder.contextual(normal, inside, hidden=hidden, token=objective.token)
    noise = gumbel(objective.chance.uniform(index, inside.shape[1], 2, 5, stream=1))
    probabilities, each = [], []
    wrong = iter(others(hidden, objective.chance.uniform(index, inside.shape[1], 4, stream=2)))
    places = [(b, t) for b in range(4) for t in range(inside.shape[1]) if hidden[b, t]]
    made = [objective.quantiser(normal[b, t][None], noise[b, t][None], 2.0) for b, t in places]
    targets, codes = (
        torch.cat([objective.target(one.values) for one in made]),
        [one.codes.tolist() for one in made],
    )
    for number, (b, t) in enumerate(places):
        probabilities.append(objective.quantiser.choice(normal[b, t]).reshape(2, 5).softmax(1))
        query = objective.head(tokens[b, t])
        compared = [number, *(m for m in next(wrong).tolist() if codes[m] != codes[number])]
        scores = [torch.cosine_similarity(query, targets[m], dim=0) / 0.1 for m in compared]
        each.append(torch.stack(scores).logsumexp(0) - scores[0])
    assert len(places) > 6
    mean = torch.stack(probabilities).mean(0)
    used = torch.exp(-(mean * mean.log()).sum(1)).sum()
    square = torch.cat([latents[b][inside[b]] for b in range(4)]).square().mean()
    nats = torch.stack(each).mean()
    torch.testing.assert_close(losses.parts["contrast"], nats.detach(), atol=1e-4, rtol=1e-4)
    expected = nats + 0.1 * (10 - used) / 10 + 10 * square
    torch.testing.assert_close(losses.total, expected, atol=1e-4, rtol=1e-4)


def test_the_temperature_falls_geometrically_and_then_stays():
    encoder, objective = make(Wav2vec2Loss, CONFIG)
    seen = []
    for done in (0.0, 0.35, 0.7, 1.0):
        objective.after_step(encoder, done)
        seen.append(objective.gumbel_temperature)
    assert seen == pytest.approx([2.0, 1.0, 0.5, 0.5], rel=1e-5)


def test_the_convolutions_take_a_tenth_of_their_gradient():
    x = torch.ones(3, requires_grad=True)
    (2 * slowed(x)).sum().backward()
    torch.testing.assert_close(x.grad, torch.full((3,), 0.2))


def test_masks_belong_to_sample_and_step():
    encoder, objective = make(Wav2vec2Loss, CONFIG)
    x, index = sounds(6), torch.arange(6)
    first = objective(encoder, Batch([x], index)).total
    order = torch.tensor([3, 1, 5, 0, 2, 4])
    torch.testing.assert_close(objective(encoder, Batch([x[order]], index[order])).total, first)
    objective.after_step(encoder, 0.0)
    assert not torch.allclose(objective(encoder, Batch([x], index)).total, first)


def test_it_learns_to_tell_latents_apart():
    """Tones that change their pitch with each latent, in one order: its neighbours say which one is hidden."""
    config = CONFIG.model_copy(update={"span": 1, "entries": 8, "penalty": 0.0})
    wave = WAVE.model_copy(update={"channels": 16, "width": 32, "depth": 2})
    encoder, objective = make(Wav2vec2Loss, config, wave)
    optimiser = torch.optim.Adam([*encoder.parameters(), *objective.parameters()], 3e-3)
    pitch = torch.tensor([300.0, 900.0, 2_700.0]).repeat(4).repeat_interleave(320)
    time, nats = torch.arange(3_280) / 8_000, list[float]()
    tones = torch.stack([torch.sin(2 * torch.pi * pitch[320 * k :][:3_280] * time) for k in range(2)])
    x = tones[:, None].repeat(6, 1, 1) + 0.05 * sounds(12, shortest=1.0)
    for step in range(100):
        losses = objective(encoder, Batch([x], torch.arange(12)))
        optimiser.zero_grad()
        losses.total.backward()
        optimiser.step()
        objective.after_step(encoder, step / 400)
        nats.append(float(losses.parts["contrast"]))
    assert sum(nats[-10:]) / 10 < 0.4 * math.log(1 + 4)  # where all candidates are alike


def test_another_encoder_is_refused():
    with pytest.raises(UserError, match="needs the encoder sound_wave, got SoundVit"):
        make(Wav2vec2Loss, CONFIG, VIT)
