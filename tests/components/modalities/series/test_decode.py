"""Bytes of a series: canonical form, what is read, what is refused."""

import io
import pickle

import numpy as np
import pytest

from components.modalities.series.decode import NotSeries, channels_of, decode, encode, plain
from tests.components.modalities.series.toys import npy


def test_the_canonical_bytes_are_an_npy_file_with_a_header_of_128_bytes():
    values = np.array([[1, 2, 3], [4, np.nan, 6]], dtype=np.float32)
    data = encode(values)
    assert data[:10] == b"\x93NUMPY\x01\x00\x76\x00"
    assert data[10:66] == b"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)"
    assert len(data) == 128 + 24
    assert data[127:128] == b"\n"
    np.testing.assert_array_equal(np.load(io.BytesIO(data)), values)
    np.testing.assert_array_equal(decode(data), values)


def test_the_same_values_give_the_same_bytes_whatever_their_layout():
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert encode(np.asfortranarray(values)) == encode(values.astype(">f4")) == encode(values)


@pytest.mark.parametrize("kind", ["<f8", ">f8", "<f2", "<i2", "u1", "?"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_every_kind_of_number_is_read(kind, order):
    values = np.array([[1, 0], [0, 1], [1, 1]]).astype(kind)
    np.testing.assert_array_equal(decode(npy(np.array(values, order=order))), values.astype(np.float32))


def test_one_axis_is_one_channel_and_two_are_as_the_recipe_says():
    assert decode(npy(np.arange(5.0))).shape == (5, 1)
    values = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(decode(npy(values), "channels_first"), values.T)
    assert (channels_of(npy(values), "time_first"), channels_of(npy(values), "channels_first")) == (3, 2)
    assert channels_of(npy(np.arange(5.0)), "channels_first") == 1
    one = np.arange(6, dtype=np.float32).reshape(3, 2)
    np.testing.assert_array_equal(decode(encode(one, "channels_first"), "channels_first"), one)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not a series: empty"),
        (b"1,2,3", "not a series: 1,2,3"),
        (npy(np.ones((2, 3, 4))), "not a series: an array [2, 3, 4], needed [T] or [T, C]"),
        (npy(np.float64(3.0)), "not a series: an array [], needed [T] or [T, C]"),
        (npy(np.array([1, "a", None], dtype=object)), "not numbers: an array of objects (pickle)"),
        (npy(np.array(["a", "b"])), "not numbers: an array of <U1"),
        (npy(np.ones(3, dtype=complex)), "not numbers: an array of complex128"),
        (npy(np.array([1.0, np.inf, -np.inf])), "not finite: 2 infinite values"),
        (npy(np.array([1.0, 1e300])), "not finite: 1 infinite values"),
        (npy(np.ones((9, 2)))[:200], "not a series: 72 bytes of values do not make an array [9, 2]"),
        (npy(np.ones(9)) + b"more", "not a series: 76 bytes of values"),
        (b"\x93NUMPY\x01\x00", "not a series: EOF"),
        (b"\x93NUMPY\x01\x00\x05\x00{...}", "not a series"),
        (b"\x93NUMPY\x09\x00" + bytes(50), "not a series"),
    ],
    ids=range(14),
)
def test_what_is_refused_and_why(data, reason):
    with pytest.raises(NotSeries) as error:
        decode(data)
    assert str(error.value).startswith(reason)
    assert "\n" not in str(error.value)


def test_a_pickle_is_never_opened(tmp_path):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "opened"), "w"))

    data = npy(np.array([Trap(), 1], dtype=object), allow_pickle=True)
    with pytest.raises(NotSeries):
        decode(data)
    with pytest.raises(NotSeries):
        decode(pickle.dumps(Trap()))
    assert not (tmp_path / "opened").exists()


def test_a_header_that_promises_more_than_there_is_costs_no_memory():
    head = npy(np.ones((2, 2)))
    huge = head.replace(b"(2, 2), }", b"(2222222222, 2222), }")[: len(head)]
    with pytest.raises(NotSeries, match="not a series"):
        decode(huge)


def test_an_array_at_hand_is_held_to_the_same():
    assert plain(np.arange(4)).shape == (4, 1)
    with pytest.raises(NotSeries, match="an array"):
        plain(np.ones((1, 2, 3)))
