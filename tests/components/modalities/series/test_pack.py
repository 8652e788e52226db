"""Series to arrays, and what training knows of them."""

import numpy as np
import pytest

from components.errors import UserError
from components.modalities.series.config import SeriesConfig
from components.modalities.series.modality import SeriesSamples
from tests.components.modalities.series.toys import encoded, npy, packing, samples


def packed(tmp_path, data, rows=None, before=None, **config):
    modality = SeriesSamples(SeriesConfig(**config))
    written = modality.pack(lambda: iter([data]), len(data), tmp_path, before=before)
    rows = np.arange(written.samples) if rows is None else rows
    made = modality.packing(written, tmp_path, rows)
    return written, made, made.open({name: tmp_path / file for name, file in written.files.items()})


def test_mean_deviation_and_length_are_those_of_the_training_samples_alone(tmp_path):
    given = [np.array([[1, 5], [3, 5]]), np.array([[np.nan, 5], [8, 5], [np.nan, 5]]), np.full((9, 2), 1e6)]
    _, made, arrays = packed(tmp_path, [npy(one) for one in given], rows=np.array([0, 1]))
    assert made.mean == (4.0, 5.0)
    assert made.std == pytest.approx((np.sqrt(26 / 3), 1.0))  # values 1, 3, 8; a constant channel has 1
    assert made.length == 3
    assert len(arrays) == 3
    np.testing.assert_array_equal(arrays.row(1), given[1])


def test_a_large_level_does_not_swallow_a_small_deviation(tmp_path):
    values = np.float32([[2**20], [2**20 + 1], [2**20 + 2], [2**20 + 1]])
    _, made, _ = packed(tmp_path, [npy(values), npy(values + 1)])
    assert made.std == pytest.approx((np.std([0, 1, 2, 1, 1, 2, 3, 2]),))


def test_the_first_snapshot_has_the_channels_of_most_samples_and_later_ones_keep_them(tmp_path):
    data = [npy(np.ones((4, 3))), *encoded(samples(3, channels=2)), b"none"]
    written, made, _ = packed(tmp_path, data)
    assert made.channels == 2
    assert written.unreadable == {
        0: "other channels: 3 channels, those of the first snapshot have 2", 4: "not a series: none",
    }  # fmt: skip
    assert any("have not 2 channels" in note for note in written.notes)
    later, other, _ = packed(
        tmp_path, encoded(samples(3, channels=3)), before=made, rows=np.array([], dtype=int)
    )
    assert (later.samples, len(later.unreadable), other.channels) == (0, 3, 2)


def test_channels_that_the_recipe_names_count_at_once(tmp_path):
    data = [npy(np.ones((4, 3)) * np.arange(4)[:, None]), *encoded(samples(3, channels=2))]
    written, made, _ = packed(tmp_path, data, channels=["a", "b", "c"])
    assert (made.channels, written.samples) == (3, 1)


def test_what_a_person_should_know(tmp_path):
    gap = np.arange(8.0).reshape(4, 2)
    gap[1, 1] = np.nan
    still = np.array([[3.0, np.nan], [3.0, 2.0], [np.nan, 2.0]])
    written, _, _ = packed(tmp_path, [npy(gap), npy(still), *encoded(samples(2))])
    assert written.notes == [
        "50 % of the series have gaps",
        "1 of 4 series do not vary in any channel (a sensor that is off?)",
    ]


def test_nothing_can_be_learnt_from_series_that_do_not_vary(tmp_path):
    with pytest.raises(UserError, match="no channel of the 2 training samples varies"):
        packed(tmp_path, [npy(np.ones((4, 2))), npy(np.ones((5, 2)))])


def test_batches_are_padded_and_come_in_the_order_asked_for(tmp_path):
    import torch

    given = samples(5)
    _, _, arrays = packed(tmp_path, encoded(given))
    chosen = arrays.select(np.array([4, 1, 3]))
    seen = chosen.gather(torch.tensor([2, 1]))
    assert seen.shape == (2, 2, max(len(given[3]), len(given[1])))
    for place, number in enumerate((3, 1)):
        length = len(given[number])
        np.testing.assert_array_equal(seen[place, :, :length].T, given[number])
        assert seen[place, :, length:].isnan().all()


def test_which_packings_a_model_reads():
    own = packing(2)
    assert own.reads(packing(2, length=99, mean=[1.0, 2.0]))
    assert not own.reads(packing(3))
    assert not own.reads(packing(2, scale="series"))


def test_a_hop_without_a_window_is_refused():
    with pytest.raises(ValueError, match="hop needs a window"):
        SeriesConfig(hop=2)
