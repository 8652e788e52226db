import numpy as np
import pytest
import torch

from benchmarks.fewlabels.signals import SignalSource, SignalView, SignalViews, view
from components.data.packed import Packed
from components.modalities.image.augment import ViewConfig
from components.training.labelled_source import Supervision


def chance(seed=0):
    return torch.Generator().manual_seed(seed)


def signals(rows=6, length=40, seed=1):
    return torch.rand(rows, 1, 1, length, generator=chance(seed)) * 0.4 + 0.3


def test_a_view_of_strength_zero_is_the_signal_itself():
    x = signals()
    torch.testing.assert_close(view(x, SignalView(), chance()), x)


def test_a_shift_goes_round_in_a_circle_and_between_samples_it_is_linear():
    x = signals(400)
    found = view(x, SignalView(shift=0.5), chance())
    draws = torch.rand(6, 400, 1, generator=chance())
    by = (2 * draws[1, :, 0] - 1) * 20  # samples to the left
    for row in range(5):
        whole = int(np.floor(float(by[row])))
        part = float(by[row]) - whole
        at = (np.arange(40) + whole) % 40
        signal = x[row, 0, 0].numpy()
        expected = (1 - part) * signal[at] + part * signal[(at + 1) % 40]
        np.testing.assert_allclose(found[row, 0, 0].numpy(), expected, atol=1e-5)
    assert -20 <= by.min() < -18
    assert 18 < by.max() <= 20


def test_loudness_turns_about_the_grey_that_is_zero_and_the_slope_about_the_middle():
    x = signals(50)
    louder = view(x, SignalView(scale=0.2), chance()) - 0.5
    factor = louder / (x - 0.5)
    torch.testing.assert_close(factor, factor[..., :1].expand_as(factor), rtol=1e-3, atol=1e-3)
    assert 0.8 <= factor.min() < 0.85 < 1.15 < factor.max() <= 1.2 + 1e-3
    rise = (view(x, SignalView(slope=0.1), chance()) - x)[:, 0, 0]
    torch.testing.assert_close(rise[:, 0], -rise[:, -1], atol=1e-5, rtol=0)
    assert 0.09 < (rise[:, -1] - rise[:, 0]).abs().max() <= 0.1
    torch.testing.assert_close(rise.diff(dim=1), rise.diff(dim=1)[:, :1].expand(-1, 39), atol=1e-5, rtol=0)


def test_a_stretched_signal_keeps_its_middle_and_silence_is_one_stretch_of_grey():
    line = torch.linspace(0.2, 0.8, 41).expand(30, 1, 1, 41)
    found = view(line, SignalView(stretch=0.2), chance())[:, 0, 0]
    torch.testing.assert_close(found[:, 20], torch.full((30,), 0.5))
    slope = (found[:, 22] - found[:, 18]) / (line[0, 0, 0, 22] - line[0, 0, 0, 18])
    assert np.exp(-0.2) - 1e-3 <= slope.min() < 0.9 < 1.1 < slope.max() <= np.exp(0.2) + 1e-3
    quiet = view(torch.ones(200, 1, 1, 40), SignalView(silence=0.5), chance())[:, 0, 0] == 0.5
    assert quiet.sum(dim=1).max() <= 20
    assert quiet.any(dim=1).float().mean() > 0.8
    assert (quiet.int().diff(dim=1).abs().sum(dim=1) <= 2).all()


def test_noise_has_the_deviation_asked_for_and_chance_comes_from_the_generator_alone():
    x = torch.full((500, 1, 1, 40), 0.5)
    config = SignalView(noise=0.02)
    assert float(view(x, config, chance()).std()) == pytest.approx(0.02, rel=0.03)
    assert torch.equal(view(x, config, chance(3)), view(x, config, chance(3)))
    assert not torch.equal(view(x, config, chance(3)), view(x, config, chance(4)))


def test_a_source_gives_weak_views_of_all_rows_and_strong_ones_of_the_unlabelled():
    images = np.full((20, 1, 1, 40), 128, dtype=np.uint8)
    images[:, 0, 0, 0] = np.arange(20) * 10
    targets = torch.full((20,), -1)
    targets[:4] = torch.arange(4)
    known = Supervision(targets, (targets >= 0).float(), torch.arange(4), torch.arange(20))
    source = SignalSource(
        Packed(images, np.arange(20)), known, (ViewConfig(), 2), (ViewConfig(), 1),
        labelled=4, unlabelled=6, steps=5, seed=0, device=torch.device("cpu"),
    )  # fmt: skip
    source.looks = SignalView(), SignalView(noise=0.1)
    source.begin(0, 0, None)
    batch = source.batch(0, chance())
    assert [len(v) for v in batch.views] == [10, 10, 6]
    assert batch.labelled == 4
    torch.testing.assert_close(batch.views[0], torch.from_numpy(images[batch.index.numpy()]).float() / 255)
    assert (batch.views[2] - batch.views[0][4:]).std() > 0.05
    assert batch.targets.tolist() == targets[batch.index].tolist()


def test_an_objective_sees_as_many_views_as_it_wants():
    source = SignalViews(
        Packed(np.full((8, 1, 1, 40), 128, dtype=np.uint8), np.arange(8)), (("global", 2),), {},
        batch_size=4, seed=0, device=torch.device("cpu"),
    )  # fmt: skip
    source.look = SignalView(noise=0.1)
    first, second = source.augmented(torch.full((4, 1, 1, 40), 128.0), chance(), source.spec)
    assert first.shape == (4, 1, 1, 40)
    assert not torch.equal(first, second)
