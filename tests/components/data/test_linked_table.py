"""An inbox that follows a table which lies elsewhere."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.data.linked_table import link_table, table_digest
from components.data.tables import read_rows
from components.errors import UserError
from components.modalities.image.config import ImageLimits
from components.modalities.image.read import ImageReader

READER = ImageReader(ImageLimits())


def put(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)


def state(inbox: Path) -> dict[str, tuple[int, bytes]]:
    files = (file for file in inbox.rglob("*") if file.is_file())
    return {str(file.relative_to(inbox)): (file.stat().st_mtime_ns, file.read_bytes()) for file in files}


def test_rows_that_are_added_or_corrected_arrive(tmp_path: Path) -> None:
    put(tmp_path, "a/1.png", "a/2.png", "b/1.png", ".hidden/3.png")
    table, inbox = tmp_path / "notes" / "list.csv", tmp_path / "inbox"
    table.parent.mkdir()
    table.write_text(f"file_name;label\n{tmp_path}/a/1.png;cat\n../b/1.png;\n")
    link_table(table, inbox, READER)
    rows = list(read_rows(inbox / "paths.csv"))
    assert [row["label"] for row in rows] == ["cat", ""]
    assert [(inbox / row["path"]).read_text() for row in rows] == ["a/1.png", "b/1.png"]
    before, digest = state(inbox), table_digest(table)
    link_table(table, inbox, READER)
    assert (state(inbox), table_digest(table)) == (before, digest)  # not even a time
    added = f"{tmp_path}/.hidden/3.png;dog\n"
    table.write_text(f"file_name;label\n{added}{tmp_path}/a/1.png;cow\n../b/1.png;\n{tmp_path}/none.png;\n")
    link_table(table, inbox, READER)
    assert table_digest(table) != digest
    assert {Path(row["path"]).name[13:]: row["label"] for row in list(read_rows(inbox / "paths.csv"))[:2]} == {
        "3.png": "dog", "1.png": "cow",
    }  # fmt: skip
    assert set(before) < set(state(inbox))
    assert len(state(inbox)) == 4  # a file that is not there is ingest's to name


def test_an_image_that_was_replaced_is_linked_anew(tmp_path: Path) -> None:
    put(tmp_path, "1.png", "2.png")
    (tmp_path / "list.csv").write_text("path\n1.png\n")
    link_table(tmp_path / "list.csv", tmp_path / "inbox", READER)
    (tmp_path / "2.png").replace(tmp_path / "1.png")
    link_table(tmp_path / "list.csv", tmp_path / "inbox", READER)
    [file] = (tmp_path / "inbox" / "images").iterdir()
    assert file.read_text() == "2.png"


def test_a_parquet_file_of_samples_is_linked_itself(tmp_path: Path) -> None:
    for data in (b"1", b"22"):
        (tmp_path / "x.parquet").unlink(missing_ok=True)
        pq.write_table(pa.table({"image": [data]}), tmp_path / "x.parquet")
        link_table(tmp_path / "x.parquet", tmp_path / "inbox", READER)
        assert (tmp_path / "inbox" / "x.parquet").read_bytes() == (tmp_path / "x.parquet").read_bytes()


@pytest.mark.parametrize("text", [None, "a,b\n1,2\n", 'path\n"1\n'])
def test_a_table_that_is_gone_or_makes_no_sense_is_named(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "list.csv").write_text(text)
    with pytest.raises(UserError, match=r"list\.csv: .*bring it back, or take ingest.table out"):
        link_table(tmp_path / "list.csv", tmp_path / "inbox", READER)
    assert table_digest(tmp_path / "none.csv") == "missing"
