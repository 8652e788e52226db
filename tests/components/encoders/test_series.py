"""What encoders of series share: values in units of the data or of the series, gaps, the end."""

import pytest
import torch

from components.encoders import build_encoder
from components.encoders.random_kernels import RandomKernelsConfig
from components.encoders.series import series_encoder
from components.encoders.series_conv import SeriesConvConfig
from components.errors import UserError
from tests.components.modalities.series.toys import packing

NAN = float("nan")
ENCODERS = {
    "conv": SeriesConvConfig(hidden=8, width=12, depth=2),
    "conv, mean": SeriesConvConfig(hidden=8, width=12, depth=2, pool="mean"),
    "conv, causal": SeriesConvConfig(hidden=8, width=12, depth=2, causal=True),
    "kernels": RandomKernelsConfig(groups=4, kernels=3),
}


def built(name, **made):
    torch.manual_seed(0)
    return build_encoder(ENCODERS[name], packing(**made)).eval()


def test_values_are_in_deviations_from_the_mean_of_the_data():
    encoder = built("conv", mean=[1.0, 10.0], std=[2.0, 5.0])
    values, gone = encoder.standardised(torch.tensor([[[1.0, 5, NAN], [10, 5, 20]]]))
    assert values.tolist() == [[[0, 2, 0], [0, -1, 2]]]
    assert gone.tolist() == [[[False, False, True], [False] * 3]]


def test_or_of_each_series_by_itself():
    encoder = built("conv", scale="series", mean=[1.0, 10.0], std=[2.0, 5.0])
    values, _ = encoder.standardised(
        torch.tensor([[[1.0, 5, NAN], [7, 7, 7]], [[NAN] * 3, [1000, 1002, 1001]]])
    )
    third = 1.5**0.5
    expected = torch.tensor([[[-1.0, 1, 0], [0, 0, 0]], [[0, 0, 0], [-third, third, 0]]])
    torch.testing.assert_close(values, expected, rtol=1e-4, atol=1e-4)


def test_a_trained_encoder_keeps_the_scale_it_was_trained_with():
    one, other = built("conv", mean=[1.0, 2.0]), built("conv", mean=[5.0, 5.0])
    other.load_state_dict(one.state_dict())
    view = torch.randn(2, 2, 8)
    assert torch.equal(one(view), other(view))


@pytest.mark.parametrize("name", ENCODERS)
@pytest.mark.parametrize("scale", ["dataset", "series"])
class TestEncodersOfSeries:
    def test_what_is_behind_the_end_changes_nothing(self, name, scale):
        encoder, view = built(name, scale=scale), torch.randn(3, 2, 9)
        longer = torch.cat([view, torch.full((3, 2, 7), torch.nan)], dim=2)
        torch.testing.assert_close(encoder(longer), encoder(view), rtol=1e-5, atol=1e-5)

    def test_empty_short_constant_and_huge_series_give_finite_features(self, name, scale):
        encoder = built(name, scale=scale)
        for view in (
            torch.full((2, 2, 9), torch.nan),
            torch.full((2, 2, 1), torch.nan),
            torch.ones(2, 2, 1),
            torch.ones(2, 2, 30),
            torch.full((2, 2, 9), 1e18),
        ):
            found = encoder(view)
            assert found.shape == (2, encoder.feature_dim)
            assert torch.isfinite(found).all()

    def test_a_gap_is_not_the_mean_of_the_channel_unless_nothing_is_trained(self, name, scale):
        encoder, view = built(name, scale=scale), torch.randn(2, 2, 9)
        holed = view.clone()
        holed[:, 1, 3:5] = torch.nan
        assert (encoder(holed) - encoder(view)).abs().max() > 1e-3

    def test_longer_series_than_any_before(self, name, scale):
        assert torch.isfinite(built(name, scale=scale, length=5)(torch.randn(2, 2, 100))).all()


def test_padding_begins_behind_the_last_value_of_any_channel():
    view = torch.tensor([[[1.0, NAN, NAN, NAN], [NAN, NAN, 2, NAN]]])
    assert built("conv").padding(view).tolist() == [[False, False, False, True]]


def test_the_wrong_encoder_is_refused_with_the_right_ones_named():
    with pytest.raises(UserError, match=r"x needs an encoder .*, got RandomKernels; .*series_conv"):
        series_encoder(built("kernels"), "x")
    with pytest.raises(UserError, match=r"x predicts what comes next .*\{name: series_conv, causal: true\}"):
        series_encoder(built("conv"), "x", causal=True)
    assert series_encoder(built("conv, causal"), "x", causal=True).causal
