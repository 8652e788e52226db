"""What the check says of a recipe's views, before any data."""

import json

import pytest

from pipelines.flows.recipe_check import mistakes
from pipelines.recipe import load

VIT = {"encoder": {"name": "vit", "patch": 4}, "objective": {"name": "dino", "locals": 2, "outputs": 8}}


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({}, None),
        ({"views": "measured"}, None),
        ({"views": "upright", **VIT}, None),
        ({"views": {"size": 27}, **VIT}, "27"),
        ({"local_views": {"size": 13}, **VIT}, "13"),
        ({"local_views": {"size": 13}, **VIT, "objective": "dino"}, None),  # which has none
        (
            {"views": "phto"},
            "pretrain: views: must be one of photo, upright, any_way_up, signal, measured, or",
        ),
        ({"views": {"siz": 20}}, "pretrain: views: unknown key 'siz'; did you mean 'size'?"),
        ({"objective": {"name": "swav", "view": {}}}, "pretrain: objective.swav: unknown key 'view'"),
    ],
)
def test_views_of_a_recipe(section, said, tmp_path):
    file = tmp_path / "r.yaml"
    top = {"name": "r", "modality": {"name": "image", "size": 28, "channels": 1}, "inbox": "in"}
    file.write_text(json.dumps({**top, "pretrain": section}))
    recipe = load(file)
    found = mistakes(recipe, ["snapshot", "pretrain"])
    assert len(found) == (said is not None)
    assert said is None or said in found[0]


@pytest.mark.parametrize(
    ("task", "section", "said"),
    [
        ("classification", {"method": "uda"}, None),
        ("regression", {}, None),
        ("regression", {"method": "supervised", "folds": 3}, None),
        (
            "regression",
            {"method": "fixmatch"},
            "finetune: method fixmatch needs classes, and the task is regression; ",
        ),
        ("regression", {"cross_fit": {}}, "finetune: unknown key 'cross_fit'"),
        ("classification", {"miss": 0.1}, "finetune: unknown key 'miss'"),
        (
            "sorting",
            {},
            "stage finetune needs a task that it knows, got 'sorting'; tasks: classification, regression",
        ),
    ],
)
def test_what_fine_tuning_is_asked_depends_on_the_task(task, section, said, tmp_path):
    file = tmp_path / "r.yaml"
    top = {"name": "r", "modality": {"name": "image", "size": 28, "channels": 1}, "inbox": "in", "task": task}
    file.write_text(json.dumps({**top, "finetune": section}))
    found = mistakes(load(file), ["finetune"])
    assert len(found) == (said is not None)
    assert said is None or said in found[0]
