"""TS2Vec: losses against values of the authors' formulae, spans, padding.

The golden values were computed in float64 by the authors' functions (github.com/zhihanyue/ts2vec, models/losses.py, as
transcribed) for tokens sin(n) and cos(1.3 n), n = 0 ... 29 in shape [3, 5, 2].
"""

import math

import pytest
import torch

from components.errors import UserError
from components.objectives.base import Batch
from components.objectives.ts2vec import (
    Ts2vec,
    Ts2vecConfig,
    aligned,
    hierarchical,
    instance_contrast,
    paired,
    pooled,
    temporal_contrast,
)
from tests.components.objectives.series import make, series

N = torch.arange(30.0, dtype=torch.float64).reshape(3, 5, 2)
FIRST, SECOND = torch.sin(N), torch.cos(1.3 * N)
ALL = torch.ones(3, 5, dtype=torch.bool)


def test_both_contrasts_and_the_mean_over_scales_are_the_published_ones():
    assert instance_contrast(FIRST, SECOND, ALL).item() == pytest.approx(2.0493168076551496)
    assert temporal_contrast(FIRST, SECOND, ALL).item() == pytest.approx(2.5646362159120315)
    assert hierarchical(FIRST, SECOND, ALL).item() == pytest.approx(1.502998846701875)
    assert hierarchical(FIRST, SECOND, ALL, 0.2).item() == pytest.approx(1.3359056317781246)


def test_equal_tokens_cost_the_logarithm_of_what_they_are_among():
    same = torch.ones(4, 3, 2)
    inside = torch.ones(4, 3, dtype=torch.bool)
    assert instance_contrast(same, same, inside).item() == pytest.approx(math.log(7))
    assert temporal_contrast(same, same, inside).item() == pytest.approx(math.log(5))
    assert hierarchical(same[:, :1], same[:, :1], inside[:, :1]).item() == pytest.approx(0.5 * math.log(7))


def test_tokens_behind_the_end_are_in_no_comparison():
    inside = torch.tensor([[True] * 5, [True, True, False, False, False], [True, True, True, False, False]])
    found = []
    for filler in (0.0, 100.0):
        first, second = (t.masked_fill(~inside.unsqueeze(2), filler) for t in (FIRST, SECOND))
        found.append(
            [f(first, second, inside).item() for f in (instance_contrast, temporal_contrast, hierarchical)]
        )
    assert found[0] == pytest.approx(found[1])
    each = [
        temporal_contrast(FIRST[b : b + 1, :n], SECOND[b : b + 1, :n], ALL[:1, :n]).item() * 2 * n
        for b, n in enumerate((5, 2, 3))
    ]
    assert found[0][1] == pytest.approx(sum(each) / 20)


def test_pooling_takes_the_larger_of_two_that_are_inside():
    tokens = torch.tensor([[[1.0], [3.0], [-2.0], [9.0], [5.0]]])
    inside = torch.tensor([[True, True, True, False, False]])
    assert paired(inside).tolist() == [[True, True]]
    assert pooled(tokens, inside).tolist() == [[[3.0], [-2.0]]]


def test_spans_overlap_and_lie_within_the_series():
    _, objective = make(Ts2vec, Ts2vecConfig(shortest=0.3))
    count = torch.randint(1, 40, (500,), generator=torch.Generator().manual_seed(0))
    left, begin, stop, right = objective.cuts(count, torch.arange(500))
    assert (left >= 0).all()
    assert (left <= begin).all()
    assert (begin < stop).all()
    assert (stop <= right).all()
    assert (right <= count).all()
    assert ((stop - begin) >= (0.3 * count).round().clamp(min=1)).all()
    assert (left < begin).any()
    assert (stop < right).any()
    assert all((v == 0).all() for v in objective.cuts(torch.zeros(2, dtype=torch.int64), torch.arange(2))[:2])


def test_the_overlap_of_both_spans_is_compared():
    """With an encoder that passes values on, and no steps hidden, both spans agree token by token."""
    encoder, objective = make(Ts2vec, Ts2vecConfig(hidden=0))
    view, index = series(), torch.arange(8)
    count = (~encoder.padding(view)).sum(dim=1)
    left, begin, stop, right = objective.cuts(count, index)
    encoder.tokens = lambda given: given.nan_to_num(0.0).transpose(1, 2)
    first = aligned(objective.tokens(encoder, view, left, stop, index, 1), begin - left)
    second = objective.tokens(encoder, view, begin, right, index, 2)
    for b in range(8):
        size = int(stop[b] - begin[b])
        expected = view[b, :, begin[b] : stop[b]].T.nan_to_num(0.0)
        assert torch.equal(first[b, :size], expected)
        assert torch.equal(second[b, :size], expected)


def test_about_half_of_the_steps_are_hidden_but_the_last():
    encoder, objective = make(Ts2vec, Ts2vecConfig())
    view, seen = torch.ones(400, 2, 16), []
    encoder.tokens = lambda given: seen.append(given) or given.nan_to_num(0.0).transpose(1, 2)
    end = torch.full((400,), 16)
    objective.tokens(encoder, view, torch.zeros(400, dtype=torch.int64), end, torch.arange(400), 1)
    gone = seen[0].isnan()[:, 0]
    assert gone[:, :15].float().mean() == pytest.approx(0.5, abs=0.02)
    assert not gone[:, 15].any()


def test_one_sample_has_nothing_to_differ_from():
    encoder, objective = make(Ts2vec, Ts2vecConfig())
    with pytest.raises(UserError, match="ts2vec needs 2 samples or more, got 1"):
        objective(encoder, Batch([series(rows=1)], torch.arange(1)))
