"""What a recipe may say of the views of fine-tuning."""

import pytest
from pydantic import ValidationError

from components.config import explain
from components.modalities.image.augment import ViewConfig
from pipelines.stages.finetune.config import FinetuneConfig

POLICIES = "photo, upright, any_way_up, signal, measured"


def test_a_policy_or_views_of_the_recipes_kind_of_data() -> None:
    found = FinetuneConfig.model_validate({"views": "signal", "weak": {"size": 9}})
    assert (found.views, found.weak, found.strong) == ("signal", ViewConfig(size=9), None)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"views": "phto"}, f"views: must be one of {POLICIES} (got 'phto')"),
        ({"views": {"size": 9}}, f"views: must be one of {POLICIES} (got {{'size': 9}})"),
        ({"weak": "photo"}, "weak: must be a mapping of the options of a view (got 'photo')"),
        ({"strong": {"siz": 9}}, "strong: unknown key 'siz'; did you mean 'size'?"),
    ],
)
def test_anything_else_is_refused_in_one_line(given: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        FinetuneConfig.model_validate(given)
    assert explain(caught.value, "finetune") == f"finetune: {said}"


@pytest.mark.parametrize(
    ("kind", "there"),
    [("image", "plain, probe, alone, scratch, knn"), ("text", "plain, probe, alone, scratch, knn")],
)
def test_a_candidate_that_a_kind_of_data_has_not_is_refused_by_name(kind: str, there: str) -> None:
    given = {"modality": {"name": kind}, "portfolio": {"candidates": ["plain", "boosting"]}}
    with pytest.raises(ValidationError) as caught:
        FinetuneConfig.model_validate(given)
    said = explain(caught.value, "finetune")
    assert f"portfolio.candidates: boosting is no model of {kind} samples; for {kind}: {there}" in said


@pytest.mark.parametrize("given", [["plain", "boosting", "knn"], ["scratch"], None])
def test_tables_have_all_candidates(given: list[str] | None) -> None:
    made = FinetuneConfig.model_validate(
        {"modality": {"name": "table"}, "portfolio": {"candidates": given, "challengers": ["model"]}}
    )
    assert made.portfolio is not None
    assert made.portfolio.candidates == (None if given is None else tuple(given))
    with pytest.raises(ValidationError):
        FinetuneConfig.model_validate({"portfolio": {"challengers": ["baseline"]}})
