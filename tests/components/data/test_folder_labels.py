"""What folders say: the class, the split, or that there is no label."""

import pytest

from components.data.folder_labels import folder_of, folder_rows, label_of
from components.data.folder_labels import test_folders as folders_of_tests
from components.data.label_values import UNLABELLED
from components.data.labels import Row


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("cat/1.png", "cat"),
        ("set/cat/1.png", "cat"),
        ("train/cat/1.png", "cat"),
        ("cat/train/1.png", "cat"),
        ("Unlabeled/1.png", ""),
        ("unlabeled/part-1/1.png", ""),
        ("test/unknown/1.png", ""),
        ("test/1.png", ""),
        ("1.png", ""),
    ],
)
def test_the_class_of_a_folder(name: str, label: str) -> None:
    assert label_of(name, UNLABELLED) == label


def test_a_class_that_is_called_unknown_can_be_had() -> None:
    assert label_of("unknown/1.png", ("unlabeled",)) == "unknown"


@pytest.mark.parametrize(
    ("names", "tests"),
    [
        (["train/a/1", "test/a/1", "val/a/1"], {"test/a/1"}),
        (["train/a/1", "val/a/1"], {"val/a/1"}),
        (["a/1", "Test/a/1"], {"Test/a/1"}),
        (["test/a/1", "test/b/1"], set()),  # then the folder says nothing
        (["a/1", "b/1"], set()),
    ],
)
def test_which_samples_are_for_testing(names: list[str], tests: set[str]) -> None:
    folders = {folder_of(name) for name in names}
    assert folders_of_tests(folders) == {folder_of(name) for name in tests}


PLACES = {"A": ["train/cat/1.png"], "B": ["test/cat/2.png"], "C": ["unlabeled/3.png"], "D": ["test/x.png"]}


def test_folders_give_labels_and_the_split() -> None:
    assert folder_rows(PLACES, (), True, UNLABELLED) == [
        Row("A", "cat", "folder", origin="folders"), Row("B", "cat", "folder", "", "test", "folders"),
        Row("C", "", "folder", origin="folders"), Row("D", "", "folder", "", "test", "folders"),
    ]  # fmt: skip


def test_a_test_folder_counts_where_any_sample_in_it_has_a_label() -> None:
    assert (
        folder_rows(PLACES, ("A",), False, UNLABELLED) == []
    )  # test images without labels, as Kaggle has them
    assert {row.id for row in folder_rows(PLACES, ("D",), False, UNLABELLED)} == {"B", "D"}
