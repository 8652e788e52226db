import pytest

from pipelines.pages import summary

SNAPSHOT = {"samples": 20000, "labelled": 100, "tests": 4000}
FOUND = {
    "skipped": None, "samples": 4000, "best_baseline": "logistic_plain",
    "metrics": {
        "accuracy": 0.782, "accuracy_low": 0.77, "accuracy_high": 0.795,
        "margin": 0.061, "margin_low": 0.049, "margin_high": 0.073,
    },
    "intervals": {
        "logistic_plain": {"value": 0.721, "low": 0.71, "high": 0.73},
        "model": {"value": 0.782, "low": 0.77, "high": 0.795},
        "scratch": {"value": 0.73, "low": 0.72, "high": 0.74},
    },
    "differences": {
        "logistic_plain": {"value": 0.061, "low": 0.049, "high": 0.073},
        "scratch": {"value": 0.052, "low": 0.04, "high": 0.06},
    },
}  # fmt: skip


def test_the_summary_counts_unlabelled_samples_without_labels_and_tests() -> None:
    text = summary.summary(SNAPSHOT, FOUND, "Version 1 is the champion.", 63, 16000)
    assert "From 15,900 unlabelled samples and 100 labels" in text
    assert "78.2 % of 4,000 held-out test samples" in text
    assert "+6.1 points (+4.9 to +7.3 over test samples and training noise)" in text
    assert text.endswith("which had the same labels. Version 1 is the champion.")


def test_the_summary_at_its_edges() -> None:
    none = summary.summary(SNAPSHOT, {"skipped": "there are no labels"}, "", 63, 16000)
    assert none.endswith("63 clusters, and no classifier, because there are no labels.")
    one = summary.summary({"labelled": 1}, {"skipped": "of one class"}, "", 1, 2)
    assert one == "From 1 unlabelled sample and 1 label: 1 cluster, and no classifier, because of one class."
    worse = {"margin": -0.065, "margin_low": -0.08, "margin_high": -0.05}
    text = summary.summary(
        SNAPSHOT, {**FOUND, "metrics": {**FOUND["metrics"], **worse}, "samples": 1}, "", 63, 16000
    )
    assert "of 1 held-out test sample (" in text
    assert (
        "-6.5 points (-8.0 to -5.0 over test samples and training noise) against the better baseline" in text
    )


def test_the_comparison_begins_with_the_model_then_goes_from_good_to_bad() -> None:
    rows = summary.comparison(FOUND)
    assert [row["name"] for row in rows] == [
        "this model", "same network, random start, labels only", "logistic regression on plain features",
    ]  # fmt: skip
    assert rows[0]["difference"] == ""
    assert rows[2]["difference"] == "+6.1 (+4.9 to +7.3)"


def test_clusters_without_names_say_why_and_claim_no_precision() -> None:
    labelled = {"clusters": 9, "repaired": 1, "churn": 0.25, "named": False, "note": "there are no labels"}
    text = summary.clustering(labelled, None)
    assert "25.0 % of the samples changed" in text
    assert "They have no class: there are no labels." in text
    assert "right" not in text


NAMED = {
    "clusters": 9, "repaired": 0, "churn": None, "named": True, "note": "why", "kept": 1200, "kept_share": 0.6,
    "threshold": 0.8, "estimated_precision": 0.941,
}  # fmt: skip


def test_what_is_kept_of_the_pseudo_labels_and_how_much_of_it_is_right() -> None:
    text = summary.clustering(NAMED, None)
    assert text.startswith(
        "9 clusters. Labels and pseudo-labels of confidence 0.80 and more are kept, 1,200 in all"
    )
    assert text.endswith("by labels held out in turn 94.1 % of the pseudo-labels are right.")
    unknown = summary.clustering({**NAMED, "estimated_precision": None}, None)
    assert unknown.endswith("is not known, as too few labels could be held out.")
    assert "unknown" not in unknown
    none = summary.clustering({**NAMED, "threshold": None, "clusters": 1, "repaired": 1}, None)
    assert none == (
        "1 cluster (1 was empty on the way and filled again). No pseudo-label is kept beside the labels: why."
    )


def test_true_labels_say_how_many_are_right_where_some_are_kept_and_where_none_is() -> None:
    known = {"kept_accuracy": 0.95, "all_accuracy": 0.7, "known": 2000.0}
    text = summary.clustering(NAMED, known)
    assert text.endswith("95.0 % of those kept are right; 70.0 % if all 2,000 pseudo-labels were.")
    none = summary.clustering(NAMED, {**known, "kept_accuracy": None})
    assert none.endswith(
        "Of 2,000 pseudo-labels the true label is known: 70.0 % are right, and none is kept."
    )


@pytest.mark.parametrize(("value", "shown"), [(None, "missing"), (0.123456, "0.1235")])
def test_a_check_without_a_figure_is_shown_as_missing(value: float | None, shown: str) -> None:
    assert summary.check_rows([{"name": "n", "figure": value, "bound": 0.5}])[0]["figure"] == shown


RULE = (0.01, 2, 3)  # level, needed, windows
PLAN = {
    "decision": "warm", "champion": "3", "new_samples": 4000, "old_samples": 16000, "new_labels": 0, "drift": [],
    "drifted": False, "age_days": None,
}  # fmt: skip


def test_the_plans_figures_leave_out_what_was_not_looked_at() -> None:
    rows = dict(summary.planned(PLAN, RULE))
    assert rows["decision"] == "warm start from the champion"
    assert rows["champion at that time"] == "version 3"
    assert rows["new samples"] == "4,000 beside 16,000 that it was trained on"
    assert not {"drift", "age of the champion"} & rows.keys()
    windows = [{"p": 0.5}, {"p": 0.002}]
    more = {"drift": windows, "drifted": False, "age_days": 12.34, "champion": None}
    seen = dict(summary.planned({**PLAN, **more}, RULE))
    assert (seen["age of the champion"], seen["champion at that time"]) == ("12.3 days", "none")
    assert seen["drift"] == (
        "no: 1 of the last 2 deliveries is unlike old samples (p at most 0.01), and 2 are needed"
    )


@pytest.mark.parametrize(
    ("drifted", "p", "said"),
    [
        (False, [0.3], "no: the only delivery is not UNLIKE"),
        (False, [0.002], "no: the only delivery is UNLIKE, and 2 are needed"),
        (False, [0.3, 0.2], "no: none of the last 2 deliveries is UNLIKE"),
        (False, [0.002, 0.3, 0.2], "no: 1 of the last 3 deliveries is UNLIKE, and the newest is not"),
        (False, [0.001, 0.9, 0.9, 0.001], "no: 1 of the last 3 deliveries is UNLIKE, and 2 are needed"),
        (True, [0.001, 0.2, 0.01], "yes: 2 of the last 3 deliveries are UNLIKE, the newest among them"),
        (True, [0.001, 0.001, 0.001], "yes: 3 of the last 3 deliveries are UNLIKE, the newest among them"),
    ],
)  # fmt: skip
def test_drift_says_by_which_rule(drifted: bool, p: list[float], said: str) -> None:
    from components.monitoring.drift import drifted as by_rule

    assert by_rule(p, *RULE) == drifted
    assert summary.drift(drifted, p, *RULE) == said.replace("UNLIKE", "unlike old samples (p at most 0.01)")


def test_near_duplicates_are_counted_and_a_leak_is_named() -> None:
    assert summary.near_duplicates({}).startswith("No sample is a near-duplicate")
    said = summary.near_duplicates({"near_duplicates": 1234, "leaked_tests": 0})
    assert said.startswith(
        "Near-duplicates of earlier samples (the same content saved again): 1,234 samples. They"
    )
    assert (
        "3 test samples have one in the training set, because the labels name both, and are not measured."
        in summary.near_duplicates({"near_duplicates": 5, "leaked_tests": 3})
    )


def test_tiles_claim_no_accuracy_without_a_classifier() -> None:
    tiles = summary.tiles(SNAPSHOT, {"skipped": "no labels"}, {"clusters": 9}, None)
    assert [tile["value"] for tile in tiles] == ["20,000", "100", "9"]
    unkept = {"kept_accuracy": None, "all_accuracy": 0.7, "known": 5.0}
    assert len(summary.tiles(SNAPSHOT, {"skipped": "no labels"}, {"clusters": 9}, unkept)) == 3
