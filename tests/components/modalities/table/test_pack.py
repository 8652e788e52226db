"""Rows to an array: values by hand, what a second delivery may be, bounded memory, a full disk."""

import json
import tracemalloc

import numpy as np
import pytest

from components.errors import UserError
from components.modalities.base import MisfitError
from components.modalities.table import pack as pack_module
from components.modalities.table.config import QUANTILES, TableConfig
from components.modalities.table.modality import Tables
from tests.components.modalities.table.toys import column, mixed, pack

ROWS = [
    {"n": "1,5", "c": "red", "b": "yes", "d": "1970-01-02"},
    {"n": "-2", "c": "blue", "b": "no", "d": "1970-01-03"},
    {"n": None, "c": "red", "b": "NA", "d": None},
    {"n": "1.000", "c": "", "b": "no", "d": "1970-01-05"},
]


def test_values_by_hand():
    rows, packing, _ = pack(ROWS, rare=1)
    assert [feature.name for feature in packing.features] == ["b", "c", "d", "d: weekday", "n"]
    nan = np.nan
    np.testing.assert_array_equal(
        rows,
        np.array(
            [
                [3, 2, 1, 6, 1.5],  # yes; red, the most frequent; day 1, a Friday
                [2, 3, 2, 7, -2],
                [nan, 2, nan, nan, nan],
                [2, nan, 4, 2, 1000],
            ],
            dtype=np.float32,
        ),
    )
    assert rows.dtype == np.float32


def test_statistics_by_hand():
    rows = [{"n": str(k), "c": "a" if k < 60 else None} for k in range(101)]
    _, packing, _ = pack(rows)
    n, c = packing.features[column(packing, "n")], packing.features[column(packing, "c")]
    assert n.quantiles == tuple(float(k) for k in range(101))
    assert n.whole
    assert (n.missing, c.missing) == (0, pytest.approx(41 / 101))
    assert c.counts == (41, 0, 60)
    assert packing.grid.shape == (1, QUANTILES)


def test_statistics_are_of_the_training_rows_alone(tmp_path):
    rows = [{"n": str(k), "c": "ab"[k % 2]} for k in range(20)]
    modality = Tables(TableConfig())
    data = [json.dumps(row).encode() for row in rows]
    written = modality.pack(lambda: [data], 20, tmp_path)
    packing = modality.packing(written, tmp_path, np.arange(10))
    assert packing.features[column(packing, "n")].quantiles[-1] == 9
    assert sum(packing.features[column(packing, "c")].counts) == 10


def test_many_rows_are_described_by_evenly_spaced_ones(monkeypatch):
    monkeypatch.setattr(pack_module, "SAMPLES", 101)
    rows = [{"n": str(k)} for k in range(1001)]
    _, packing, _ = pack(rows)
    assert packing.features[0].quantiles == tuple(10.0 * k for k in range(101))


def test_same_samples_same_bytes_whatever_the_batches(tmp_path):
    for batch, name in ((3, "a"), (50, "b")):
        (tmp_path / name).mkdir()
        _, packing, _ = pack(mixed(), tmp_path / name, batch=batch)
    assert (tmp_path / "a/rows.npy").read_bytes() == (tmp_path / "b/rows.npy").read_bytes()
    assert packing == pack(mixed())[1]


def test_chunks_do_not_matter(monkeypatch):
    whole, packing, _ = pack(mixed(100))
    monkeypatch.setattr(pack_module, "CHUNK", 9)
    parts, again, _ = pack(mixed(100))
    np.testing.assert_array_equal(whole, parts)
    assert packing == again


def test_a_second_delivery_is_read_like_the_first():
    first, packing, _ = pack(ROWS * 10, rare=1)
    new = [
        {"n": "0,5", "c": "violet", "b": "yes", "d": "1970-01-09"},
        {"n": "2", "c": "blue", "b": "no", "d": None},
    ]
    rows, again, written = pack([first[0], *new, first[1]], before=packing, rare=1)
    np.testing.assert_array_equal(rows[[0, 3]], first[[0, 1]])
    n, c = column(packing, "n"), column(packing, "c")
    assert rows[1, n] == 0.5  # "," is the decimal point of this column
    assert rows[:, c].tolist() == [2, 1, 3, 3]  # violet was never seen
    assert again.reads(packing)
    assert any("violet" in note for note in written.notes)


def test_another_code_of_a_category_is_not_read():
    _, one, _ = pack([{"c": c} for c in "aaabbb"])
    _, two, _ = pack([{"c": c} for c in "aaabbbb"])
    assert not one.reads(two)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"new": "5"}, "column new is new in 1 of 1 rows"),
        ({"c": ...}, "column c of the first snapshot is missing in 1 of 1 rows"),
    ],
)
def test_new_and_missing_columns(change, said):
    _, packing, _ = pack(ROWS, rare=1)
    row = {name: text for name, text in {**ROWS[0], **change}.items() if text is not ...}
    with pytest.raises(UserError, match=said):
        pack([row], before=packing, rare=1)
    rows, _, written = pack([row], before=packing, rare=1, changes="adapt")
    assert any(said in note for note in written.notes)
    assert np.isnan(rows[0, column(packing, "c")]) == ("new" not in row)
    assert rows[0, column(packing, "n")] == 1.5


@pytest.mark.parametrize(("name", "text"), [("n", "many"), ("d", "soon"), ("b", "maybe"), ("c", "17")])
def test_retyped_columns(name, text):
    _, packing, _ = pack(ROWS, rare=1)
    rows = [{**ROWS[0], name: text} for _ in range(30)]
    kind = {"n": "numeric", "d": "date", "b": "boolean", "c": "categorical"}[name]
    with pytest.raises(
        UserError, match=f"column {name} was {kind} of the first snapshot, now 30 of 30 values are not"
    ):
        pack(rows, before=packing, rare=1)
    packed, _, _ = pack(rows, before=packing, rare=1, changes="adapt")
    value = packed[0, column(packing, name)]
    assert value == 1 if name in "bc" else np.isnan(value)


def test_a_few_odd_values_are_a_note():
    _, packing, _ = pack(ROWS * 10, rare=1)
    rows = [ROWS[0]] * 40 + [{**ROWS[0], "n": "many"}]
    _, _, written = pack(rows, before=packing, rare=1)
    assert "column n: 1 of 41 values are not numeric, as 'many'" in written.notes


def test_tables_of_the_first_snapshot_must_have_the_same_columns():
    with pytest.raises(UserError, match="column c of the other rows is missing in 1 of 3 rows"):
        pack([{"n": "1", "c": "a"}, {"n": "2", "c": "b"}, {"n": "3"}], rare=1)


def test_unreadable_rows_have_no_row(monkeypatch):
    monkeypatch.setattr(pack_module, "CHUNK", 4)
    given = [{"n": str(k)} for k in range(12)]
    rows, _, written = pack([*given[:2], b"junk", *given[2:9], b"{", *given[9:]], batch=2)
    assert rows[:, 0].tolist() == list(range(12))
    assert list(written.unreadable) == [2, 10]
    assert written.samples == 12


def test_memory_does_not_grow_with_the_rows(tmp_path):
    def most(count):
        modality = Tables(TableConfig())
        tracemalloc.start()
        modality.pack(
            lambda: (
                [json.dumps({"a": str(k + i), "b": str(i % 3)}).encode() for i in range(100)]
                for k in range(0, count, 100)
            ),
            count,
            tmp_path,
        )
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    most(1000)
    assert most(60_000) < 1.3 * most(30_000)


def test_a_full_disk(tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda folder: type("D", (), {"free": 10})())
    with pytest.raises(UserError, match="no room on the disk"):
        pack(mixed(), tmp_path)


def test_numbers_beyond_every_measure_are_missing():
    rows, _, _ = pack([{"n": "1e30"}, {"n": "2"}] + [{"n": str(k)} for k in range(300)] + [{"n": "1e31"}])
    assert np.isnan(rows[-1, 0])
    assert rows[0, 0] == np.float32(1e30)


def test_progress_rises_to_one(tmp_path):
    seen = []
    data = [json.dumps(row).encode() for row in mixed(50)]
    modality = Tables(TableConfig())
    modality.pack(lambda: [data], 50, tmp_path, progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1


@pytest.mark.parametrize(
    ("change", "count"), [({"new": "1"}, 2), ({"c": ...}, 2), ({"n": "many"}, 30), ({"d": "soon"}, 30)]
)
def test_a_refusal_has_the_places_of_the_rows_that_do_not_fit(change, count):
    _, packing, _ = pack(ROWS, rare=1)
    wrong = {name: text for name, text in {**ROWS[0], **change}.items() if text is not ...}
    rows = [ROWS[1], b"no row", *[wrong] * count, *ROWS[1:]]
    with pytest.raises(MisfitError) as caught:
        pack(rows, before=packing, rare=1)
    assert caught.value.places == set(range(2, 2 + count))
