import pytest

from pipelines.reporting import story

SNAPSHOT = {"samples": 20000, "labelled": 100, "tests": 4000}
FOUND = {
    "skipped": None, "samples": 4000, "best_baseline": "logistic_pixels",
    "metrics": {
        "accuracy": 0.782, "accuracy_low": 0.77, "accuracy_high": 0.795,
        "margin": 0.061, "margin_low": 0.049, "margin_high": 0.073,
    },
    "intervals": {
        "logistic_pixels": {"value": 0.721, "low": 0.71, "high": 0.73},
        "model": {"value": 0.782, "low": 0.77, "high": 0.795},
        "scratch": {"value": 0.73, "low": 0.72, "high": 0.74},
    },
    "differences": {
        "logistic_pixels": {"value": 0.061, "low": 0.049, "high": 0.073},
        "scratch": {"value": 0.052, "low": 0.04, "high": 0.06},
    },
}  # fmt: skip


def test_the_summary_counts_unlabelled_samples_without_labels_and_tests() -> None:
    text = story.summary(SNAPSHOT, FOUND, {"promoted": True, "champion_version": "1"}, 63)
    assert "From 15,900 unlabelled samples and 100 labels" in text
    assert "78.2 % of 4,000" in text
    assert "+6.1 points (+4.9 to +7.3)" in text
    assert "champion as version 1" in text


def test_the_summary_says_why_there_is_no_classifier_and_no_champion() -> None:
    none = story.summary(SNAPSHOT, {"skipped": "there are no labels"}, {}, 63)
    assert "63 clusters, and no classifier, because there are no labels" in none
    refused = story.summary(SNAPSHOT, FOUND, {"promoted": False, "reason": "worst class .1 < .2"}, 63)
    assert "not promoted: worst class .1 < .2" in refused


def test_the_comparison_begins_with_the_model_then_goes_from_good_to_bad() -> None:
    rows = story.comparison(FOUND)
    assert [row["name"] for row in rows] == [
        "this model", "same network, random start, labels only", "logistic regression on pixels",
    ]  # fmt: skip
    assert rows[0]["difference"] == ""
    assert rows[2]["difference"] == "+6.1 (+4.9 to +7.3)"


def test_clusters_without_names_say_why_and_claim_no_precision() -> None:
    labelled = {"clusters": 9, "repaired": 1, "churn": 0.25, "named": False, "note": "there are no labels"}
    text = story.clustering(labelled, None)
    assert "25.0 % of the samples changed" in text
    assert "They have no class: there are no labels." in text
    assert "right" not in text


@pytest.mark.parametrize(("value", "shown"), [(None, "missing"), (0.123456, "0.1235")])
def test_a_check_without_a_figure_is_shown_as_missing(value: float | None, shown: str) -> None:
    assert story.check_rows([{"name": "n", "figure": value, "bound": 0.5}])[0]["figure"] == shown


PLAN = {
    "decision": "warm", "champion": "3", "new_samples": 4000, "old_samples": 16000, "new_labels": 0, "drift": [],
    "drifted": False, "age_days": None,
}  # fmt: skip


def test_the_plans_figures_leave_out_what_was_not_looked_at() -> None:
    rows = dict(story.planned(PLAN))
    assert rows["decision"] == "warm start from the champion"
    assert rows["champion at that time"] == "version 3"
    assert rows["new samples"] == "4,000 beside 16,000 that it was trained on"
    assert not {"drift", "age of the champion"} & rows.keys()
    seen = dict(story.planned({**PLAN, "drift": [{}], "drifted": True, "age_days": 12.34, "champion": None}))
    assert (seen["drift"], seen["age of the champion"], seen["champion at that time"]) == (
        "yes",
        "12.3 days",
        "none",
    )


@pytest.mark.parametrize(
    ("promoted", "text"),
    [
        (
            {"promoted": True, "previous_version": None},
            "Version 2 was judged and is champion as the first champion.",
        ),
        (
            {"promoted": True, "previous_version": "1"},
            "Version 2 was judged and is champion in place of version 1.",
        ),
        ({"promoted": False, "champion_version": "1"}, "Version 2 was judged; version 1 stays champion."),
        ({"promoted": False, "champion_version": None}, "Version 2 was judged; there is no champion."),
        ({"promoted": False, "version": None}, "No model was judged."),
    ],
)
def test_the_gate_says_who_stood_against_whom(promoted: dict[str, object], text: str) -> None:
    assert story.rival({"version": "2", **promoted}) == text


def test_near_duplicates_are_counted_and_a_leak_is_named() -> None:
    assert story.near_duplicates({}).startswith("No sample is a near-duplicate")
    assert story.near_duplicates({"near_duplicates": 1234, "leaked_tests": 0}).startswith("1,234 samples are")
    assert "3 test samples have one in the training set" in story.near_duplicates(
        {"near_duplicates": 5, "leaked_tests": 3}
    )


def test_tiles_claim_no_accuracy_without_a_classifier() -> None:
    tiles = story.tiles(SNAPSHOT, {"skipped": "no labels"}, {"clusters": 9}, None)
    assert [tile["value"] for tile in tiles] == ["20,000", "100", "9"]
    unkept = {"kept_accuracy": None, "all_accuracy": 0.7, "known": 5.0}
    assert len(story.tiles(SNAPSHOT, {"skipped": "no labels"}, {"clusters": 9}, unkept)) == 3
