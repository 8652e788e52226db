from pipelines.reporting.judgement import calibration

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
