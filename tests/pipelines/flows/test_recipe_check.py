"""What the check says of a recipe's views, before any data."""

import json

import pytest

from pipelines.flows.recipe_check import mistakes
from pipelines.graph import GRAPH
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
            "xyzzy",
            {},
            "task: name: there is no 'xyzzy'; names: classification, regression",
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


@pytest.mark.parametrize(
    ("top", "said"),
    [
        (
            {"modality": {"name": "table", "tagret": "x"}},
            "modality: table: unknown key 'tagret'; did you mean 'target'?",
        ),
        ({"modality": "tabel"}, "modality: name: there is no 'tabel'; did you mean 'table'? names: image, "),
        (
            {"modality": "table", "task": {"name": "anomaly", "false_alrms": 0.1}},
            "task: anomaly: unknown key 'false_alrms'; did you mean 'false_alarms'?",
        ),
        (
            {"modality": "table", "task": "anomally"},
            "task: name: there is no 'anomally'; did you mean 'anomaly'?",
        ),
    ],
)
def test_a_mistake_in_what_all_stages_share_is_told_once(top, said, tmp_path):
    file = tmp_path / "r.yaml"
    file.write_text(json.dumps({"name": "r", "inbox": "in", **top}))
    found = mistakes(load(file), list(GRAPH))
    assert len(found) == 1
    assert found[0].startswith(said)


def test_a_section_that_has_its_own_modality_is_checked_as_well(tmp_path):
    file = tmp_path / "r.yaml"
    section = {"modality": "imge", "limits": {"min_side": -1}}
    file.write_text(json.dumps({"name": "r", "inbox": "in", "modality": "tabel", "ingest": section}))
    found = mistakes(load(file), ["ingest", "snapshot"])
    assert [said.split(";")[0] for said in found] == [
        "modality: name: there is no 'tabel'",
        "ingest: modality: name: there is no 'imge'",
    ]


def test_an_unknown_key_is_refused_with_the_keys_that_a_recipe_may_write(tmp_path):
    file = tmp_path / "r.yaml"
    sections = {"snapshot": {"xyzzy": 1, "test_share": 7, "expct": 2}}
    file.write_text(json.dumps({"name": "r", "inbox": "in", "modality": "table", **sections}))
    assert mistakes(load(file), ["snapshot"]) == [
        "snapshot: unknown key 'xyzzy'; known keys: expect, test_share",
        "snapshot: unknown key 'expct'; did you mean 'expect'?",
        "snapshot: test_share: Input should be less than 1 (got 7)",
    ]
