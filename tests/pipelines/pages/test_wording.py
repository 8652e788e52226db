import pytest

from pipelines.pages.wording import amount, beside, left_out_of_margin, p_value, percent


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (percent(0.0), "0.0 %"),
        (percent(1.0, 0), "100 %"),
        (percent(None), "unknown"),
        (beside(0.0774, "it"), "0.077 above it"),
        (beside(-0.065, "it"), "0.065 below it"),
        (beside(-0.0001, "it"), "equal to it"),
        (p_value(0.0004), "< 0.001"),
        (p_value(0.0021), "0.002"),
        (p_value(1.0), "1.000"),
        (amount(19507.2), "19,507"),
        (amount(0.01234), "0.01234"),
        (amount(-3.14159), "-3.142"),
        (amount(12.5, sign=True), "+12.5"),
        (amount(0.0), "0"),
        (amount(2.5e13), "2.500e+13"),
    ],
)
def test_numbers_as_words(said, text):
    assert said == text


def test_a_served_baseline_is_named_beside_the_margin():
    figures = {"logistic_plain": 0.82, "scratch": 0.7}
    assert left_out_of_margin((), figures) == left_out_of_margin(("boosting_plain",), figures) == ""
    assert left_out_of_margin(["logistic_plain"], figures) == (
        "; served within the model, and so left out of the margin: logistic_plain 0.820"
    )
