"""The model card says what was measured, with its interval, and names what was not."""

from components.registry.class_checks import recall_limits
from pipelines.engine.manifest import Manifest
from pipelines.registry.model_card import model_card

SNAPSHOT = {
    "version": "abc.dir", "digest": "d" * 64, "samples": 1200, "labelled": 30, "tests": 40, "near_duplicates": 3,
    "sources": [], "classes": ["cat", "d|g"], "leaked_tests": 2,
}  # fmt: skip
EVALUATE = {
    "samples": 40,
    "metrics": {
        "accuracy": 0.75, "accuracy_low": 0.6, "accuracy_high": 0.875, "ece": 0.03, "ece_before": 0.1,
        "temperature": 1.2,
        "margin": 0.05, "margin_low": -0.02, "margin_high": 0.1,
    },
    "per_class": {
        "cat": {"precision": 0.8, "recall": 0.75, "f1": 0.77, "support": 20},
        "d|g": {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 0},
    },
    "baselines": {"knn_plain": 0.5, "logistic_plain": 0.7},
    "differences": {"logistic_plain": {"value": 0.05, "low": -0.02, "high": 0.1}},
    "outliers": {"rate": 0.05, "false_alarms": {"value": 0.07}},
    "suspects": {"found": 1, "checked": 30},
    "unlike": 0.25,
    "benefit": {"line": "x", "warnings": ["[domain-mismatch]: a warning"]},
}  # fmt: skip
ORIGIN = {
    "selfsup.recipe": "toys", "selfsup.data": "abc.dir", "selfsup.commit": "c0ffee", "selfsup.lock": "l0ck",
    "selfsup.seeds": "{}", "selfsup.parent": "4",
}  # fmt: skip


def manifest(stage, output, seconds=1.5, **given):
    return Manifest(
        stage=stage, version=1, recipe="toys", given=given, observed={}, code="", request={}, output=output,
        started=0.0, seconds=seconds,
    )  # fmt: skip


def card(evaluate=None, **snapshot):
    made = {
        "snapshot": (
            "snapshot/b",
            manifest("snapshot", SNAPSHOT | snapshot, modality={"name": "image", "size": 28}),
        ),
        "pretrain": ("pretrain/a", manifest("pretrain", {"processes": 2}, seconds=60.0)),
        "finetune": ("finetune/f", manifest("finetune", {"note": "no label to learn from: d|g"})),
        "evaluate": ("evaluate/e", manifest("evaluate", EVALUATE if evaluate is None else evaluate)),
    }
    return model_card("toys", made, ORIGIN, {"cat": (20, 40), "d|g": (10, 0)}).splitlines()


def test_metrics_stand_with_their_intervals_and_without_what_belongs_to_another():
    lines = card()
    assert "| accuracy | 0.750 | 0.600 to 0.875 |" in lines
    assert "| ece | 0.030 | - |" in lines
    assert not any("ece_before" in line or "temperature" in line or "margin" in line for line in lines)


def test_each_class_has_its_exact_interval_and_one_without_test_samples_none():
    lines = card()
    low, high = recall_limits(15, 20, 0.025)
    assert (round(low, 3), round(high, 3)) == (0.509, 0.913)  # Clopper-Pearson, 15 of 20
    assert "| cat | 20 | 0.750 | 0.509 to 0.913 | 0.800 |" in lines
    assert "| d\\|g | 0 | - | - | 0.000 |" in lines
    assert "| cat | 20 | 40 |" in lines  # labels


def test_baselines_are_in_order_with_the_paired_difference():
    lines = card()
    first = lines.index("| logistic_plain | 0.700 | +0.050 | -0.020 to +0.100 |")
    assert lines[first + 1] == "| knn_plain | 0.500 | - | - |"


def test_limits_costs_and_lineage():
    lines = card()
    for line in (
        "- No label to learn from: d|g.",
        "- [domain-mismatch]: a warning",
        "- Not certainly better than the best baseline: the interval of the difference includes 0.",
        "- 25.0% of the unlabelled training samples are unlike all labelled ones.",
        "- Outliers: 7.0% of the test samples are reported as outliers, 5.0% were asked for.",
        "- Label errors: 1 of 30 training labels are probably wrong.",
        "- 2 test samples repeated a training sample and were left out of the test.",
        "| pretrain | 60.0 | 2 |",
        "| in all | 64.5 | - |",
        "Seconds of wall time. Processor time and energy were not measured.",
        "| champion when it was made | version 4 |",
        "| evaluate | evaluate/e |",
        "| git commit | c0ffee |",
    ):
        assert line in lines, line


def test_what_was_not_measured_is_named():
    lines = card({"skipped": "no labels", "metrics": {}})
    assert "Not measured: no labels." in lines
    assert "- Outliers: whether samples unlike the training samples are noticed was not measured." in lines
    assert "### By class" not in lines
    assert "### Baselines" not in lines
