"""What the folders of images say: CLASS/x.png, train/CLASS/x.png beside test/CLASS/x.png, and folders of what has
no label.

A folder test/ names test samples, a folder val/ does where there is no test/. Split folders and folders such as
batch/ may lie above or below the class; the innermost folder that is neither is the class.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

from components.data.labels import FOLDERS, Row

TRAIN = frozenset({"train", "training"})
VALIDATION = frozenset({"val", "valid", "validation"})
TEST = frozenset({"test", "testing"})
SPLIT_FOLDER = (
    f"(?i)(^|/)({'|'.join(sorted(VALIDATION | TEST))})/"  # of a name below a folder of test samples
)


def label_of(name: str, unlabelled: Collection[str]) -> str:
    """The class by the folders of a sample's name, "" where they say none.

    unlabelled: folders of samples without a label, in small letters.
    """
    folders = _folders(name)
    if any(folder.casefold() in unlabelled for folder in folders):
        return ""
    return next((f for f in reversed(folders) if f.casefold() not in TRAIN | VALIDATION | TEST), "")


Places = Mapping[str, Sequence[str]]  # id -> paths of a sample


def folder_rows(
    places: Places, labelled: Collection[str], from_folders: bool, unlabelled: Collection[str]
) -> list[Row]:
    """The class, where folders are classes, and the split that folders give each sample. Folders of test samples count
    where any sample in them has a label.

    labelled: ids with a label from elsewhere.
    """
    tests = test_folders({folder_of(name) for names in places.values() for name in names})
    if not are_labelled(places, tests, labelled, from_folders, unlabelled):
        tests = frozenset()
    return rows_of(places, tests, from_folders, unlabelled)


def test_folders(folders: Collection[str]) -> frozenset[str]:
    """Those that hold test samples; none where all do, for then it says nothing."""
    for words in (TEST, VALIDATION):
        chosen = {folder for folder in folders if any(part.casefold() in words for part in folder.split("/"))}
        if chosen:
            return frozenset(chosen if len(chosen) < len(folders) else ())
    return frozenset()


def are_labelled(
    places: Places, tests: Collection[str], labelled: Collection[str], from_folders: bool, unlabelled: Collection[str]
) -> bool:  # fmt: skip
    """Whether any sample in one of these folders has a label, from wherever."""
    return any(
        id in labelled or (from_folders and any(label_of(name, unlabelled) for name in names))
        for id, names in places.items()
        if _is_below(names, tests)
    )


def rows_of(
    places: Places, tests: Collection[str], from_folders: bool, unlabelled: Collection[str]
) -> list[Row]:
    """What folders say of these samples. tests: the folders of test samples."""
    rows = []
    for id, names in places.items():
        split = "test" if _is_below(names, tests) else ""
        if from_folders or split:
            given = {label_of(name, unlabelled) for name in names} - {""} if from_folders else set()
            rows += [Row(id, label, "folder", "", split, FOLDERS) for label in sorted(given) or [""]]
    return rows


def _is_below(names: Iterable[str], folders: Collection[str]) -> bool:
    return bool(folders) and any(folder_of(name) in folders for name in names)


def folder_of(name: str) -> str:
    return name.rpartition("/")[0]


def _folders(name: str) -> list[str]:
    return name.split("/")[:-1]
