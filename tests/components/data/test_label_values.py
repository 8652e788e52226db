"""What values of a label column mean, by the conventions of pandas, NumPy, Hugging Face and scikit-learn."""

import pytest

from components.data.label_values import alike, classes_of, tidy


@pytest.mark.parametrize(
    ("values", "classes"),
    [
        ({0.0, 1.0, None}, ["", "0", "1"]),  # pandas: whole numbers with holes
        ({0, 1, -1}, ["", "0", "1"]),
        ({-1, 4}, ["", "4"]),
        ({-1, 1}, ["-1", "1"]),  # two classes
        ({-1.0, 0.0}, ["", "0"]),
        ({"-1", "0", "1", ""}, ["", "", "0", "1"]),
        ({"1.0", "2.0"}, ["1", "2"]),
        ({"1.0", "1.5"}, ["1.0", "1.5"]),
        ({0.5, 1.0}, ["0.5", "1.0"]),
        ({"nan", "NaN", "<NA>", "cat"}, ["", "", "", "cat"]),
        ({"007", "7", "None"}, ["007", "7", "None"]),
        ({"007", "7"}, ["007", "7"]),
        ({b"cat", None}, ["", "cat"]),
        ({True, False}, ["False", "True"]),
        ({"-1", "cat"}, ["-1", "cat"]),
    ],
)
def test_values_become_classes_or_nothing(values: set[object], classes: list[str]) -> None:
    assert sorted(classes_of(values).values()) == classes


def test_numbers_stand_for_the_names_of_their_classes() -> None:
    assert classes_of({0, 1, -1, None}, ["cat", "dog"]) == {0: "cat", 1: "dog", -1: "", None: ""}
    with pytest.raises(ValueError, match="label 2 has no name: the file names 2 classes, 0 to 1"):
        classes_of({2}, ["cat", "dog"])


@pytest.mark.parametrize(
    ("value", "label"),
    [
        (" disc\u200b ", "disc"),
        ("\ufeffdisc\u00a0\u200b\u00a0", "disc"),
        ("Gro\u0308ße", "Größe"),
        ('日本語 🍎 it\'s "q"', '日本語 🍎 it\'s "q"'),
        ("👩\u200d🔬", "👩\u200d🔬"),  # joined within: two emojis without it
        ("a/b \\ 100%", "a/b \\ 100%"),
    ],
)
def test_a_class_keeps_its_name_but_for_what_nobody_sees(value: str, label: str) -> None:
    assert tidy(value) == label


def test_classes_that_only_look_different_are_alike() -> None:
    assert alike("T-Shirt") == alike("t-shirt ") == alike("T-Sh\u200birt")
    assert alike("007") != alike("7")
