from pathlib import Path

import numpy as np
import pytest

from components.modalities.table import near_duplicates
from components.modalities.table.config import ARRAY, TableConfig, TableLimits
from components.modalities.table.modality import Tables
from components.modalities.table.near_duplicates import TOLERANCE, groups


def rows_of(count, numbers=6, seed=0):
    """Numbers, a whole number and a category with gaps; no two rows alike."""
    rng = np.random.default_rng(seed)
    noisy = rng.normal(size=(count, numbers))
    whole = rng.integers(0, 50, (count, 1))
    codes = rng.integers(2, 6, (count, 1)).astype(float)
    codes[rng.random(count) < 0.2] = np.nan
    return np.concatenate([noisy, whole, codes], axis=1).astype(np.float32)


def spread(rows, places):
    low, high = np.quantile(rows[:, places], (0.05, 0.95), axis=0)
    return high - low


def alone(found):
    return (found == np.arange(len(found))).all()


def test_rows_of_their_own_stay_apart():
    assert alone(groups(rows_of(3000)))


def test_equal_rows_join_the_first_one():
    rows = rows_of(1000)
    rows[[500, 999]] = rows[3]
    rows[10, 7] = rows[20, 7] = np.nan
    rows[20] = rows[10]
    found = groups(rows)
    expected = np.arange(1000)
    expected[[500, 999]], expected[20] = 3, 10
    assert np.array_equal(found, expected)


def test_zeros_of_both_signs_and_missing_values_of_all_bits_are_equal():
    rows = rows_of(1000)
    rows[5, [0, 6]] = 0
    rows[6] = rows[5]
    rows[6, [0, 6]] = -0.0
    rows[5, 7] = np.nan
    rows[6, 7] = np.array([0xFFC00001], np.uint32).view(np.float32)[0]
    assert groups(rows)[6] == 5


@pytest.mark.parametrize(("share", "found"), [(0.9, True), (1.2, False)])
def test_noise_counts_up_to_the_tolerance(share, found):
    """The spread is that of a sample, here of all rows."""
    rows = rows_of(2000)
    rows[1] = rows[0]
    rows[1, 2] += share * TOLERANCE * spread(rows[2:], [2])[0]
    assert (groups(rows)[1] == 0) == found


@pytest.mark.parametrize("place", [6, 7])
def test_whole_numbers_and_categories_must_be_equal(place):
    rows = rows_of(1000)
    rows[:, place] = np.random.default_rng(1).integers(2, 100_000, 1000)
    rows[1] = rows[0]
    rows[1, place] += 1
    assert alone(groups(rows))


def test_a_missing_value_agrees_with_none():
    rows = rows_of(1000)
    rows[1] = rows[0]
    rows[1, 3] = np.nan
    assert alone(groups(rows))


def test_nearly_all_pairs_with_noise_in_all_columns_are_found():
    rows = rows_of(4000, numbers=30)
    rng = np.random.default_rng(1)
    noise = rng.uniform(-0.9, 0.9, (2000, 30)) * TOLERANCE * spread(rows, np.arange(30))
    rows[2000:] = rows[:2000]
    rows[2000:, :30] += noise.astype(np.float32)
    found = groups(rows)
    assert alone(found[:2000])
    assert (found[2000:] == np.arange(2000)).mean() > 0.98


def test_rows_that_change_slowly_make_no_chain():
    """Each is within half of the tolerance of the next one; a chain would be one group."""
    rows = rows_of(1000)
    step = 0.5 * TOLERANCE * spread(rows, np.arange(6))
    rows[500:] = rows[500]
    rows[500:, :6] += (np.arange(500)[:, None] * step).astype(np.float32)
    found = groups(rows)
    apart = np.abs(rows[:, :6] - rows[found][:, :6]) / (TOLERANCE * spread(rows, np.arange(6)))
    assert apart.max() < 4
    assert len(np.unique(found[500:])) > 100


def test_values_that_are_common_are_no_evidence():
    """Three categories: rows agree by chance."""
    rows = np.random.default_rng(0).integers(2, 5, (500, 3)).astype(np.float32)
    assert groups(rows) is None
    few = np.random.default_rng(0).integers(2, 260, (1000, 2)).astype(np.float32)  # 16 bits for 30
    assert groups(few) is None


def test_a_row_with_few_values_is_no_evidence_in_a_table_that_has_others():
    rows = rows_of(1000)
    rows[:4, :6] = np.nan
    rows[:4, 6:] = 3
    rows[11] = rows[10]
    found = groups(rows)
    assert found[:4].tolist() == [0, 1, 2, 3]
    assert found[11] == 10


def test_bits_are_the_logarithm_of_how_frequent_values_are():
    rows = np.array([[1.0], [1], [2], [3]], np.float32)
    columns = near_duplicates._columns(rows)
    assert columns.bits(np.array([[1.0], [2], [np.nan], [7]], np.float32)).tolist() == [1, 2, 0, 2]


def test_strangers_in_a_bucket_do_not_hide_a_pair(monkeypatch):
    """All rows have one hash: the pair is found as long as its first row is among the first ROUNDS."""
    monkeypatch.setattr(
        near_duplicates, "_keys", lambda rows, columns: iter([np.zeros(len(rows), np.uint64)])
    )
    rows = rows_of(300)
    rows[200] = rows[2]
    rows[250] = rows[3]
    rows[260], rows[0, 3] = rows[0], np.nan
    found = groups(rows)
    assert (found[200], found[250], found[260]) == (2, 250, 260)


def test_chunks_make_no_difference(monkeypatch):
    rows = rows_of(1000)
    rows[600:] = rows[:400]
    whole = groups(rows)
    monkeypatch.setattr(near_duplicates, "CHUNK", 64)
    assert np.array_equal(groups(rows), whole)
    assert np.array_equal(whole[600:], np.arange(400))


def test_rows_that_differ_in_a_column_that_is_left_out_share_a_group(tmp_path: Path):
    """A running mark, which no recipe names as the key, and a number that was written in another way."""
    rng = np.random.default_rng(0)
    cells = [[f"{x:.6f}" for x in row] for row in rng.normal(size=(400, 6))]
    cells[300] = [f"{float(x):.7f}" for x in cells[20]]
    lines = ["mark,a,b,c,d,e,f", *(f"m{n:04},{','.join(row)}" for n, row in enumerate(cells))]
    (tmp_path / "t.csv").write_text("\n".join(lines))
    tables = Tables(TableConfig())
    data = [one.data for one in tables.reader(TableLimits()).rows(tmp_path / "t.csv", "t.csv", None)]
    written = tables.pack(lambda: [data], len(data), tmp_path)
    found = tables.near_duplicates({name: tmp_path / file for name, file in written.files.items()})
    assert np.flatnonzero(found != np.arange(400)).tolist() == [300]
    assert found[300] == 20


def test_a_modality_reads_the_array_and_too_few_rows_are_none(tmp_path: Path):
    rows = rows_of(200)
    rows[9] = rows[4]
    np.save(tmp_path / "rows.npy", rows)
    assert Tables(TableConfig()).near_duplicates({ARRAY: tmp_path / "rows.npy"})[9] == 4
    assert groups(rows[:1]) is None
    assert groups(np.full((5, 2), np.nan, np.float32)) is None
