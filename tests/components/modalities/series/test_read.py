"""Which files are samples, and what windows they give."""

import numpy as np
import pytest

from components.modalities.series.config import SeriesConfig, SeriesLimits
from components.modalities.series.decode import decode
from components.modalities.series.read import SeriesReader
from tests.components.modalities.series.toys import npy


def reader(**config):
    return SeriesReader(SeriesConfig(**config), SeriesLimits())


def rows(tmp_path, name, data, source=None, group=None, **config):
    file = tmp_path / name
    file.write_bytes(data if isinstance(data, bytes) else data.encode())
    one = reader(**config)
    one.group = group
    return list(one.rows(file, name, source))


def test_what_is_a_sample_and_what_holds_many():
    whole, cut = reader(), reader(window=4)
    assert (whole.suffixes, whole.containers) == ({".npy"}, {".npz", ".ts"})
    assert (cut.suffixes, cut.containers) == (set(), {".npy", ".npz", ".ts"})
    assert whole.begins_like(npy(np.ones(3))[:20])
    assert not cut.begins_like(npy(np.ones(3))[:20])
    assert not whole.begins_like(b"PK")
    assert whole.is_table("x.csv", {"series", "a"})
    assert whole.is_table("x.csv", {"when", "a"})  # refused with its columns when it is read
    assert not whole.is_table("labels.csv", {"series", "a"})
    assert not whole.is_table("x.csv", {"name", "label"})


def test_windows_of_a_table_have_the_label_of_their_rows_and_one_group(tmp_path):
    lines = [f"s,{k},{'rest' if k < 5 else 'walk'}" for k in range(9)] + ["t,0,rest", "t,1,rest"]
    found = rows(tmp_path, "x.csv", "series,a,label\n" + "\n".join(lines) + "\n", window=3, hop=2)
    assert [(one.name, one.label, one.group) for one in found] == [
        ("s@0", "rest", "s"), ("s@2", "rest", "s"), ("s@4", "", "s"), ("s@6", "walk", "s"), ("t", "rest", "t"),
    ]  # fmt: skip
    np.testing.assert_array_equal(decode(found[1].data)[:, 0], [2, 3, 4])


def test_a_group_that_the_recipe_names_goes_before_the_series(tmp_path):
    text = "series,a,who\ns,1,ana\ns,2,ana\nt,3,ana\nt,4,ana\n"
    assert [one.group for one in rows(tmp_path, "x.csv", text, group="Who", window=2)] == ["ana", "ana"]
    assert [one.group for one in rows(tmp_path, "x.csv", text, group="who")] == ["ana", "ana"]
    assert [one.group for one in rows(tmp_path, "x.csv", "series,a\ns,1\ns,2\n")] == [""]


def test_a_large_array_is_cut_too(tmp_path):
    found = rows(tmp_path, "walk.npy", npy(np.arange(10.0).reshape(5, 2)), window=2)
    assert [(one.name, one.group) for one in found] == [
        ("walk.npy@0", "walk.npy"),
        ("walk.npy@2", "walk.npy"),
    ]
    np.testing.assert_array_equal(decode(found[1].data), [[4, 5], [6, 7]])
    first = rows(tmp_path, "walk.npy", npy(np.arange(10.0).reshape(2, 5)), window=2, axes="channels_first")
    np.testing.assert_array_equal(decode(first[1].data, "channels_first"), [[2, 7], [3, 8]])


def test_many_arrays_and_ts_files(tmp_path):
    np.savez(tmp_path / "a.npz", one=np.arange(3.0), two=np.ones((1, 2, 3)))
    one, two = reader().rows(tmp_path / "a.npz", "a.npz", None)
    assert (one.name, two.name) == ("a.npz#one", "a.npz#two")
    np.testing.assert_array_equal(decode(one.data), [[0], [1], [2]])
    assert reader().check([two.data])[0].startswith("not a series: an array [1, 2, 3], needed [T]")
    found = rows(tmp_path, "b.ts", "@classLabel true\n@data\n1,2:x\n3,y:x\n")
    assert [(one.name, one.label) for one in found] == [("b.ts#0", "x"), ("b.ts#1", "")]
    assert reader().check([one.data for one in found]) == [
        None,
        "not a series: line 4: 3,y is not a list of numbers",
    ]
    assert reader().count(tmp_path / "b.ts") == 2


@pytest.mark.parametrize(("name", "data"), [("a.npz", b"PK no"), ("a.ts", b"no"), ("a.csv", b"b,c\n1,2\n")])
def test_a_file_that_cannot_be_read_says_so_in_a_line(tmp_path, name, data):
    with pytest.raises(ValueError, match="unreadable table") as error:
        rows(tmp_path, name, data)
    assert "\n" not in str(error.value)


def test_objects_in_an_array_that_is_cut(tmp_path):
    (one,) = rows(tmp_path, "a.npy", npy(np.array([1, None], dtype=object)), window=2)
    assert reader().check([one.data])[0].startswith("not a series")
