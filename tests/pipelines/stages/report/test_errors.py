from pipelines.stages.report.errors import calibration, explained

METRICS = {"ece": 0.066, "ece_before": 0.261, "temperature": 3.21}


def test_confidence_rests_on_labels_that_were_held_out_and_on_a_second_model():
    assert calibration(METRICS, 100, 0.8) == (
        "On average its confidence is off by 0.066 (expected calibration error; 0.261 before the temperature of 3.21, "
        "which rests on 100 labels held out in turn and a second model, of the labels alone, which names "
        "80.0 % of the samples alike)."
    )
    assert calibration(METRICS, 100, None).endswith("rests on 100 labels held out in turn).")


def test_without_held_out_labels_the_report_says_what_to_do():
    text = calibration(METRICS, 0, 0.575)
    assert (
        "which rests on a second model, of the labels alone, which names 57.5 % of the samples alike)."
        in text
    )
    assert text.endswith("A second label a class lets labels be held out, which is firmer.")


def test_nothing_to_rest_on():
    text = calibration(METRICS, 0, None)
    assert "off by 0.066 (expected calibration error)." in text
    assert "3.21" not in text


def test_each_accuracy_and_the_temperature_are_explained_in_a_line():
    found = {"metrics": {"accuracy": 0.75, "temperature": 3.21}, "samples": 60}
    rows = {
        row["name"]: row
        for row in explained(found, {"validation": 0.7, "head_validation": 0.6, "validated": 10})
    }
    assert {name: row["value"] for name, row in rows.items()} == {
        "accuracy": "75.0 %",
        "cross-fitted accuracy": "70.0 %",
        "accuracy of the head": "60.0 %",
        "temperature": "3.21",
    }
    assert "60 test samples" in rows["accuracy"]["text"]
    assert "10 labels" in rows["cross-fitted accuracy"]["text"]
    assert [row["name"] for row in explained({"metrics": {"accuracy": 0.5}, "samples": 1}, {})] == [
        "accuracy"
    ]
