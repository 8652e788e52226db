"""The figures of a ranking are those of its lists, user by user."""

import math

import numpy as np
import pyarrow.parquet as pq
import pytest

from pipelines.stages.evaluate.ranking import Request, kept, run
from pipelines.stages.finetune import ranking as finetune
from tests.components.modalities.events.toys import turns
from tests.pipelines.stages.shopping import ABOVE, USERS, context

ALL = {**ABOVE, "embed": "embed/0", "finetune": "finetune/0"}


def made(home, **given):
    here = context(home, **given)
    folders = []
    for stage in ("finetune", "evaluate"):
        folders.append(here.store / stage / "0")
        folders[-1].mkdir(parents=True)
    here.outputs["finetune/0"] = finetune.run(finetune.Request(**ABOVE), folders[0], here)
    return run(Request(**ALL, bootstrap=200), folders[1], here), folders[1], here


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    return made(tmp_path_factory.mktemp("home"), strangers=10)


def test_the_figures_are_means_over_users(finished):
    output, folder, here = finished
    rows = pq.read_table(folder / output.predictions.path).to_pylist()
    m = output.metrics
    assert len(rows) == USERS == m["users"] == output.samples
    assert m["ndcg"] == pytest.approx(np.mean([row["ndcg"] for row in rows]))
    assert m["hit_rate"] == pytest.approx(np.mean([row["hit"] for row in rows]))
    assert m["ndcg_low"] < m["ndcg"] < m["ndcg_high"]
    assert m["trained_on"] == USERS - 10
    assert m["items"] == 6
    assert m["coverage"] == 1
    assert m["chance"] == pytest.approx(sum(1 / math.log2(1 + place) for place in range(1, 7)) / 6)
    assert "best baseline transitions" in here.said[-1]


def test_of_each_user_the_last_event_is_asked_for(finished):
    output, folder, _ = finished
    rows = pq.read_table(folder / output.predictions.path).to_pylist()
    assert [row["label"] for row in rows] == [word[-1] for word in turns(USERS)]
    assert [row["id"] for row in rows] == [f"{k:064x}" for k in range(USERS)]


def test_the_served_baseline_is_as_good_as_itself(finished):
    output, _, _ = finished
    assert output.method == "transitions" == output.best_baseline
    assert output.metrics["margin"] == output.metrics["margin_low"] == 0
    assert set(output.baselines) == {"popularity", "recency", "transitions", "item_knn", "ease"}
    assert output.baselines["transitions"] == pytest.approx(output.metrics["ndcg"])
    assert output.differences["popularity"].low > 0
    for name, value in output.baselines.items():
        assert output.differences[name].value == pytest.approx(output.metrics["ndcg"] - value)


def test_examples_are_of_users_with_what_they_chose(finished):
    output, folder, _ = finished
    rows = pq.read_table(folder / output.examples.path).to_pylist()
    assert len(rows) == 24
    for row in rows:
        assert row["chosen"] == turns(USERS)[row["row"]][-1]
        place = row["items"].index(row["chosen"]) + 1
        assert row["ndcg"] == pytest.approx(1 / math.log2(1 + place))


def test_without_a_model(tmp_path):
    output, _, here = made(tmp_path, words=["abc"] * 5)
    assert "10 are needed" in output.skipped
    assert "evaluation of rankings skipped" in here.said[-1]


def test_the_penalty_that_was_chosen():
    assert kept(100, 250.0)["ease"][1].keywords == {"penalty": 250.0}
    assert "ease" not in kept(100, None)
