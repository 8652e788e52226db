import gzip

from benchmarks.unseen.sets.products import _idx


def test_an_idx_file_has_its_lengths_big_endian(tmp_path):
    data = bytes([0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6])
    (tmp_path / "some.gz").write_bytes(gzip.compress(data))
    assert _idx(tmp_path / "some.gz").tolist() == [[1, 2, 3], [4, 5, 6]]
