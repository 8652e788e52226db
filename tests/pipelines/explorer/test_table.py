"""The explorer's table: a row a sample, with what the runs of the newest training found."""

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from components.data.table import Table
from components.errors import UserError
from pipelines.engine.artifact import Artifact
from pipelines.engine.store import read_manifest
from pipelines.explorer import table as explorer
from pipelines.explorer.table import page_command, write_explorer
from pipelines.graph import GRAPH
from tests.pipelines.stages.report.test_stage import finish, plain, prepare


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A finished training of `tiny`."""
    context = prepare(tmp_path_factory.mktemp("home"))
    finish(context, "report", {}, **{stage: f"{stage}/0" for stage in GRAPH["report"]})
    return context


@pytest.fixture(scope="module")
def written(place):
    said = []
    file = write_explorer("tiny", place.settings, said.append, None)
    assert said == [f"placing {len(pq.read_table(file))} samples of report/0"]
    return file


def test_each_sample_is_a_row_with_its_label_cluster_and_picture(place, written):
    table = Table.load(place.store / "snapshot/0/table.parquet")
    found = pq.read_table(written).to_pylist()
    assert written == place.settings.home / "explore" / "tiny.parquet"
    assert [row["id"] for row in found] == table.ids.tolist()
    assert [row["split"] for row in found] == table.split.tolist()
    classes = read_manifest("snapshot/0", place.store).output["classes"]
    assert [row["label"] for row in found] == [classes[k] if k >= 0 else None for k in table.label]
    given = pq.read_table(place.store / "pseudo_label/0" / "pseudo_labels.parquet").to_pylist()
    by_row = {row["row"]: row for row in given}
    for number, row in enumerate(found):
        own = by_row.get(number, {})
        assert row["cluster"] == own.get("cluster")
        assert row["pseudo_label"] == own.get("class")
        assert row["kept"] == own.get("kept")
    assert np.isfinite([[row["x"], row["y"]] for row in found]).all()
    picture = Image.open(io.BytesIO(found[0]["image"]["bytes"]))
    assert (max(picture.size), found[0]["text"]) == (explorer.SIDE, None)


def test_it_is_opened_by_its_pictures(written):
    assert page_command(written)[:2] == ["embedding-atlas", str(written)]
    assert page_command(written)[2:8] == ["--x", "x", "--y", "y", "--image", "image"]


def test_scores_are_columns_and_samples_without_a_score_have_none(place, written, tmp_path):
    ids = pq.read_table(written)["id"].to_pylist()
    folder = place.store / "score" / "0"
    folder.mkdir(parents=True)
    scored = {
        "id": ids[1:][::-1],
        "name": ["n"] * (len(ids) - 1),
        "confidence": np.arange(len(ids) - 1) / 100,
    }
    pq.write_table(pa.table(scored), folder / "part.parquet")
    finish(place, "score", {"partitions": [{"file": plain(Artifact.of(folder / "part.parquet", folder))}]})
    found = pq.read_table(write_explorer("tiny", place.settings, print, tmp_path / "out" / "mine.parquet"))
    assert found["confidence"].to_pylist() == [None, *(np.arange(len(ids) - 1) / 100)[::-1].tolist()]
    assert not {"name", "probabilities"} & set(found.column_names)


def test_the_next_map_begins_where_the_last_one_ended(place, written, monkeypatch):
    rows = pq.read_table(written).to_pylist()
    earlier = {row["id"]: (row["x"], row["y"]) for row in rows}
    asked, real = [], explorer.project
    monkeypatch.setattr(
        explorer, "project", lambda *args, **more: asked.append(args[2]) or real(*args, **more)
    )
    write_explorer("tiny", place.settings, print, None)
    assert asked == [earlier]


def test_samples_beyond_a_number_are_not_shown(place, tmp_path, monkeypatch):
    monkeypatch.setattr(explorer, "SHOWN", 3)
    found = pq.read_table(write_explorer("tiny", place.settings, print, tmp_path / "few.parquet")).to_pylist()
    shown = {row["id"] for row in found if row["image"] is not None}
    assert shown == set(sorted(row["id"] for row in found)[:3])


def test_without_a_finished_training_it_says_what_to_run(place):
    with pytest.raises(UserError, match="other has no finished training: `selfsup run other` makes one"):
        write_explorer("other", place.settings, print, None)


def test_what_is_shown_as_html_becomes_a_picture_or_text():
    assert explorer._seen('<img alt="" src="data:image/png;base64,AAEC">') == (
        {"bytes": b"\0\1\2", "path": None},
        None,
    )
    assert explorer._seen("<p>a &lt;b&gt;</p>\n<i>c</i>") == (None, "a <b> c")
    assert explorer._seen("") == (None, None)
