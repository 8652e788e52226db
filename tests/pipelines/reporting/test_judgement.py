from pipelines.reporting.judgement import calibration

METRICS = {"ece": 0.066, "ece_before": 0.261, "temperature": 3.21}


def test_confidence_rests_on_labels_that_were_held_out():
    assert calibration(METRICS, 100, None) == (
        "On average its confidence is off by 0.066 (expected calibration error; 0.261 before the temperature of 3.21 "
        "was fitted on 100 labels that were held out in turn)."
    )


def test_without_them_on_a_second_model_and_the_report_says_so_and_what_to_do():
    text = calibration(METRICS, 0, 0.575)
    assert "0.261 before the temperature of 3.21 was set" in text
    assert "agrees with one that learnt from the labels alone, on 57.5 % of the samples" in text
    assert "A second label a class" in text


def test_or_on_nothing():
    text = calibration(METRICS, 0, None)
    assert "off by 0.066" in text
    assert "nothing was there to fit it on" in text
    assert "3.21" not in text
