"""What the check says of a recipe beside its data, none of which is decoded."""

import json

import pytest

from components.data.shards import Index, Shard
from components.errors import UserError
from pipelines.flows.data_check import check_data
from pipelines.recipe import load
from pipelines.settings import Settings


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path / "home", data=tmp_path / "data", recipes=tmp_path)


def recipe(tmp_path, modality, **sections):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "rows.csv").write_text("a,b,churn\n1,2,yes\n3,4,no\n")
    file = tmp_path / "r.yaml"
    file.write_text(json.dumps({"name": "r", "inbox": "in", "modality": modality, **sections}))
    return load(file)


def test_a_label_that_no_table_has_is_refused_until_there_are_samples(tmp_path, settings, monkeypatch):
    wrong = recipe(tmp_path, {"name": "table", "target": "chum"})
    with pytest.raises(
        UserError, match=r"modality.target: .* column 'chum'; .*; did you mean 'churn'\?"
    ) as caught:
        check_data(wrong, settings)
    assert caught.value.code == "column-missing"
    index = Index(shards=[Shard(file="x", rows=3, digest="0", delivery="x")])
    monkeypatch.setattr(Index, "load", lambda folder: index)
    check_data(wrong, settings)


def test_one_that_is_there_passes(tmp_path, settings):
    check_data(recipe(tmp_path, {"name": "table", "target": "churn"}), settings)


def test_a_delivery_that_cannot_be_counted_is_the_users_mistake(tmp_path, settings):
    wrong = recipe(tmp_path, "series", finetune={"batch_size": 2})
    with pytest.raises(UserError, match=r"rows.csv: .* the column series is required") as caught:
        check_data(wrong, settings)
    assert caught.value.code == "delivery-invalid"
