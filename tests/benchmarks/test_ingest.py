"""The benchmark of ingest measures what it says, on a few files."""

import subprocess
import sys
from pathlib import Path

from benchmarks import ingest as bench


def test_it_decodes_and_takes_every_file(tmp_path: Path) -> None:
    bench.make_files(tmp_path / "inbox", files=30, folders=3)
    assert bench.bare(tmp_path / "inbox") == 30
    output = bench.take(tmp_path / "inbox", tmp_path)
    assert (output.samples, output.deliveries_new, output.duplicates) == (30, 3, 0)


def test_folders_are_classes_where_that_is_asked(tmp_path: Path) -> None:
    bench.make_tiny(tmp_path / "inbox", files=12, folders=3)
    output = bench.take(tmp_path / "inbox", tmp_path, classes=True)
    assert (output.labels, output.classes) == (12, ["0000", "0001", "0002"])


def test_the_share_is_of_the_bare_decodes_speed(tmp_path: Path) -> None:
    assert bench.Cost(files=10, bare=3.0, first=5.0, again=1, more=1, memory=1).share == 0.6
    cost = bench.measure(tmp_path, files=20, folders=2, turns=1)
    assert cost.files == 20
    assert min(cost) > 0


def test_an_ingest_imports_no_library_that_it_does_not_need(tmp_path: Path) -> None:
    """pandas alone, which pyarrow imports to look at a list, costs a quarter of a second and 30 MB."""
    bench.make_files(tmp_path / "inbox", files=6, folders=2)
    program = (
        "import sys; from pathlib import Path; from benchmarks.ingest import take; "
        f"print(take(Path({str(tmp_path / 'inbox')!r}), Path({str(tmp_path)!r})).samples); "
        "print({'pandas', 'torch', 'mlflow', 'ray'} & sys.modules.keys())"
    )
    said = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert said.splitlines()[-2:] == ["6", "set()"]
