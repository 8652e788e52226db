"""The task takes no labels."""

from components.tasks.ranking import RankingConfig
from components.tasks.registry import build_task


def test_labels_are_refused_by_name():
    task = build_task(RankingConfig())
    found = task.targets({"a": "x"})
    assert (found.classes, found.label, list(found.refused)) == ([], {}, ["a"])
    assert "takes no labels" in found.refused["a"]
    assert task.targets({}).refused == {}


def test_the_headline_with_its_interval():
    figures = {"ndcg": 0.12345, "ndcg_low": 0.1, "ndcg_high": 0.15}
    assert build_task(RankingConfig()).shown(figures) == "0.123 [0.100, 0.150]"
