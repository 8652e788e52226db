"""Views of series, step by step against values worked out by hand."""

import pytest
import torch
from pydantic import ValidationError

from components.modalities.series.views import (
    SeriesView,
    SeriesViews,
    cropped,
    dropped,
    hidden,
    lengths,
    permuted,
)
from tests.components.modalities.series.toys import packing

NAN = float("nan")


def of(*rows):
    return torch.tensor(rows)[:, None, :]


def listed(view):
    return [["-" if v != v else v for v in row] for row in view[:, 0].tolist()]


def seen(view, how, seed=0, **made):
    return SeriesViews(packing(view.shape[1], **made)).augment(view, how, torch.Generator().manual_seed(seed))


def test_the_length_counts_up_to_the_last_value_of_any_channel():
    view = torch.tensor([[[1, NAN, NAN, NAN], [NAN, NAN, 2, NAN]], [[NAN] * 4, [NAN] * 4]])
    assert lengths(view).tolist() == [3, 0]


def test_a_span_is_moved_to_the_beginning():
    view = of([1.0, 2, 3, 4, 5, 6], [1.0, 2, NAN, NAN, NAN, NAN], [NAN] * 6)
    found = cropped(view, torch.tensor([[0.5], [0.5], [0.5]]), torch.tensor([[0.4], [0.9], [0.5]]))
    assert listed(found) == [[2, 3, 4, "-", "-", "-"], [1, 2, "-", "-", "-", "-"], ["-"] * 6]
    last = cropped(view[:1], torch.tensor([[0.5]]), torch.tensor([[0.9]]))
    assert listed(last) == [[4, 5, 6, "-", "-", "-"]]


def test_parts_change_places_and_padding_stays_behind():
    view = of([1.0, 2, 3, 4], [1.0, 2, 3, NAN])
    assert listed(permuted(view, torch.tensor([[0.9, 0.1], [0.9, 0.1]]))) == [[3, 4, 1, 2], [3, 1, 2, "-"]]
    assert listed(permuted(view, torch.tensor([[0.1, 0.9], [0.1, 0.9]]))) == listed(view)


def test_spans_are_hidden_and_one_step_stays():
    view = of([1.0, 2, 3, 4, 5, 6, 7, 8], [1.0, 2, NAN, NAN, NAN, NAN, NAN, NAN])
    found = hidden(view, 0.5, torch.tensor([[0.0, 0.9], [0.0, 0.9]]), torch.tensor([[0.0], [0.99]]))
    assert listed(found)[0] == ["-", "-", 3, 4, 5, 6, "-", "-"]
    assert listed(found)[1] == [1, 2, *["-"] * 6]  # (2 - 1) // 2 spans of no step
    alone = hidden(of([1.0, NAN]), 0.9, torch.rand(1, 1), torch.ones(1, 1))
    assert listed(alone) == [[1, "-"]]


def test_one_channel_stays():
    assert dropped(torch.tensor([[0.1, 0.4, 0.3], [0.9, 0.1, 0.2]]), 0.95).tolist() == [
        [True, False, True], [False, True, True],
    ]  # fmt: skip


def test_noise_and_amplitude_are_those_that_are_asked_for():
    view = torch.full((400, 2, 50), 5.0)
    view[:, 0] = 7.0
    noisy = seen(view, SeriesView(jitter=0.5), mean=[7.0, 4.0], std=[2.0, 10.0])
    assert (noisy - view)[:, 0].std() == pytest.approx(1.0, rel=0.02)
    assert (noisy - view)[:, 1].std() == pytest.approx(5.0, rel=0.02)
    scaled = seen(view, SeriesView(scale=0.2), mean=[7.0, 4.0], std=[2.0, 10.0])
    assert torch.equal(scaled[:, 0], view[:, 0])  # at its mean
    assert (scaled[:, 1] - 4).std() == pytest.approx(0.2, rel=0.1)
    assert (scaled[:, 1] - 4).mean() == pytest.approx(1.0, abs=0.03)
    assert torch.equal(scaled[..., 0], scaled[..., 49])  # one factor a channel


def test_about_the_share_is_hidden_and_dropped():
    view = torch.ones(2000, 4, 40)
    assert seen(view, SeriesView(mask=0.2, spans=1)).isnan().float().mean() == pytest.approx(0.2, abs=0.01)
    gone = seen(view, SeriesView(drop=0.3)).isnan()
    assert gone.all(dim=2).float().mean() == pytest.approx(0.3, abs=0.02)
    assert not gone.all(dim=1).any()
    assert not seen(torch.ones(50, 1, 9), SeriesView(drop=0.9)).isnan().any()  # the only channel stays


def test_a_view_without_options_is_the_series():
    view = torch.randn(3, 2, 9)
    assert torch.equal(seen(view, SeriesView()), view)


def test_the_noise_of_a_sample_does_not_depend_on_how_long_the_others_are():
    view = torch.randn(3, 2, 12)
    short = view.clone()[..., :8]
    how = SeriesView(jitter=0.1)
    assert torch.equal(seen(view, how)[..., :8], seen(short, how))


def test_roles():
    maker = SeriesViews(packing())
    roles = maker.roles("sensor", None)
    assert roles["plain"] == SeriesView()
    assert roles["local"].crop == (0.2, 0.5)
    own = SeriesView(jitter=0.3)
    assert maker.roles(own, None)["global"] == own
    assert maker.roles(None, own)["local"] == own
    assert maker.length(own) == 12


@pytest.mark.parametrize("crop", [(0, 1), (0.6, 0.5), (0.5, 1.5)])
def test_bounds_that_make_no_sense(crop):
    with pytest.raises(ValidationError, match="crop must be"):
        SeriesView(crop=crop)
