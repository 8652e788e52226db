import pytest

from components.wording import are, counted


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (counted(0, "sample"), "0 samples"),
        (counted(1, "sample"), "1 sample"),
        (counted(2000, "sample"), "2,000 samples"),
        (counted(1, "new delivery"), "1 new delivery"),
        (counted(3, "new delivery"), "3 new deliveries"),
        (counted(1, "class"), "1 class"),
        (counted(2, "class"), "2 classes"),
        (counted(2, "batch"), "2 batches"),
        (counted(2, "epoch"), "2 epochs"),
        (counted(2, "day"), "2 days"),
        (f"{counted(1, 'label')} {are(1)} corrected", "1 label is corrected"),
        (f"{counted(2, 'label')} {are(2, 'has', 'have')}", "2 labels have"),
    ],
)
def test_things_are_counted_in_the_singular_and_the_plural(said: str, text: str) -> None:
    assert said == text
