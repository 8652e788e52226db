"""The benchmark of ingest measures what it says, on a few files."""

from pathlib import Path

from benchmarks import ingest as bench


def test_it_decodes_and_takes_every_file(tmp_path: Path) -> None:
    bench.make_files(tmp_path / "inbox", files=30, folders=3)
    assert bench.bare(tmp_path / "inbox") == 30
    output = bench.take(tmp_path / "inbox", tmp_path)
    assert (output.samples, output.deliveries_new, output.duplicates) == (30, 3, 0)


def test_the_share_is_of_the_bare_decodes_speed(tmp_path: Path) -> None:
    assert bench.Cost(files=10, bare=3.0, first=5.0, again=1, more=1, memory=1).share == 0.6
    cost = bench.measure(tmp_path, files=20, folders=2, turns=1)
    assert cost.files == 20
    assert min(cost) > 0
