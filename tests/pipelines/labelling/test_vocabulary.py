import pytest

from components.data.label_values import UNLABELLED
from components.errors import UserError
from components.tasks.anomaly import Anomaly, AnomalyConfig
from components.tasks.classification import Classification, ClassificationConfig
from components.tasks.regression import Regression, RegressionConfig
from pipelines.labelling.vocabulary import Vocabulary


def classes(*known):
    return Vocabulary(Classification(ClassificationConfig()), UNLABELLED, known, "")


def test_a_new_class_is_added_at_the_end():
    words = classes("dog", "cat")
    assert words.label("  emu ") == "emu"
    assert words.classes == ["cat", "dog", "emu"]
    assert words.label("cat") == "cat"


@pytest.mark.parametrize(
    ("text", "needed"),
    [
        ("", "1 to 100 characters"),
        (" \u200b ", "1 to 100 characters"),
        ("x" * 101, "1 to 100 characters"),
        ("nan", "1 to 100 characters"),
        ("a\nb", "on one line"),
        ("a\x00b", "without control"),
        ("a\u2028b", "on one line"),
        ("Cat", "as it is written already, 'cat'"),
        ("Unknown", "missing label"),
    ],
)
def test_what_ingest_would_not_read_as_that_class_is_refused(text, needed):
    words = classes("cat")
    with pytest.raises(UserError, match=needed):
        words.label(text)
    assert words.classes == ["cat"]


def test_a_number_that_changes_what_others_mean_is_refused():
    words = classes("-1", "1")  # two classes; beside a third number -1 means no label
    with pytest.raises(UserError, match="another number"):
        words.label("3")
    with pytest.raises(UserError, match="another number"):
        classes("1", "2").label("3.0")  # would be read as 3
    assert classes("1", "2").label("3") == "3"


def test_markup_is_a_name_like_any_other():
    assert classes("cat").label("<script>alert(1)</script>") == "<script>alert(1)</script>"


def test_the_labels_of_anomalies_are_those_of_the_recipe():
    words = Vocabulary(
        Anomaly(AnomalyConfig(anomalies=("fraud", "theft"), normal=("ok",))), UNLABELLED, ["anomaly"], ""
    )
    assert (words.kind, words.classes) == ("closed", ["ok", "fraud", "theft"])
    assert words.label("theft") == "theft"
    with pytest.raises(UserError, match="one of ok, fraud, theft, got 'anomaly'"):
        words.label("anomaly")


def test_numbers_are_read_in_the_style_of_the_data():
    words = Vocabulary(Regression(RegressionConfig()), UNLABELLED, ["1", "2"], ",")
    assert (words.kind, words.classes) == ("number", [])
    assert words.label("1,5") == "1,5"
    assert words.label("-1") == "-1"
    for text in ("x", "", "inf", "1e400"):
        with pytest.raises(UserError, match="number"):
            words.label(text)
