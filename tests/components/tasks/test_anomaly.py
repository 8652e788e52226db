"""Which labels are anomalies, and which mean nothing."""

import pytest
from pydantic import ValidationError

from components.errors import UserError
from components.tasks.anomaly import Anomaly, AnomalyConfig
from components.tasks.registry import TASKS, build_task


def test_labels_become_classes_and_others_are_refused_by_name():
    task = Anomaly(AnomalyConfig(anomalies=("fraud", "theft"), normal=("ok",)))
    found = task.targets({"a": "fraud", "b": "ok", "c": "theft", "d": "Fraud?"})
    assert found.classes == ["normal", "anomaly"]
    assert found.label == {"a": 1, "b": 0, "c": 1}
    assert list(found.refused) == ["d"]
    assert found.refused["d"] == (
        "a label in task.anomalies (fraud, theft) or task.normal (ok) is needed, got 'Fraud?'; correct it, or name it "
        "in the recipe"
    )


def test_no_label_at_all():
    found = Anomaly(AnomalyConfig()).targets({})
    assert (found.classes, found.label, found.refused) == (["normal", "anomaly"], {}, {})


@pytest.mark.parametrize("rate", [0, 1, 2, -0.1, float("nan")])
def test_a_rate_of_false_alarms_is_a_share(rate):
    with pytest.raises(ValidationError, match="false_alarms"):
        AnomalyConfig(false_alarms=rate)


@pytest.mark.parametrize(
    "names", [{"anomalies": ()}, {"normal": ()}, {"anomalies": ("x", "y"), "normal": ("y",)}]
)
def test_lists_of_names(names):
    with pytest.raises(ValidationError):
        AnomalyConfig(**names)


def test_a_recipe_finds_it():
    assert "anomaly" in TASKS
    assert isinstance(build_task(AnomalyConfig()), Anomaly)
    assert Anomaly.shown(
        {"average_precision": 0.5, "average_precision_low": 0.25, "average_precision_high": 0.75}
    ) == ("0.500 [0.250, 0.750]")


def test_options_that_fit_somebodys_labels():
    def fitted(labels, **options):
        found = Anomaly(AnomalyConfig(**options)).fitting(labels)
        return found.anomalies, found.normal

    assert fitted({"ok": 50, "fraud": 3}) == (("fraud",), ("ok",))
    assert fitted({"anomaly": 50, "fine": 3}) == (("anomaly",), ("fine",))
    assert fitted({"a": 5, "b": 3, "c": 9}, anomalies=("b", "z")) == (("b",), ("a", "c"))
    assert fitted({}) == (("anomaly",), ("normal",))
    assert fitted({"normal": 5}) == (("anomaly",), ("normal",))
    with pytest.raises(
        UserError, match=r"which labels are anomalies\? .*anomalies: \[b\].*; there are a, b, c"
    ):
        fitted({"a": 5, "b": 3, "c": 9})
