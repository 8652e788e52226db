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


def folder_rows(
    places: Mapping[str, Sequence[str]],
    labelled: Collection[str],
    from_folders: bool,
    unlabelled: Collection[str],
) -> list[Row]:
    """The class, where folders are classes, and the split that folders give each sample. Folders of test samples count
    where any sample in them has a label.

    places: id -> paths of a sample. labelled: ids with a label from elsewhere.
    """
    labels = {
        id: {label_of(name, unlabelled) for name in names} - {""} if from_folders else set()
        for id, names in places.items()
    }
    tests = names_for_testing(name for names in places.values() for name in names)
    inside = {id for id, names in places.items() if not tests.isdisjoint(names)} if tests else set()
    if not any(labels[id] or id in labelled for id in inside):
        inside = set()
    return [
        Row(id, label, "folder", "", "test" if id in inside else "", FOLDERS)
        for id, given in labels.items()
        if from_folders or id in inside
        for label in sorted(given) or [""]
    ]


def names_for_testing(names: Iterable[str]) -> set[str]:
    """The names that lie below a folder of test samples; none where all do, for then it says nothing."""
    names = set(names)
    folders = {_folder(name) for name in names}
    for words in (TEST, VALIDATION):
        chosen = {folder for folder in folders if any(part.casefold() in words for part in folder.split("/"))}
        if chosen:
            inside = {name for name in names if _folder(name) in chosen}
            return inside if len(inside) < len(names) else set()
    return set()


def _folder(name: str) -> str:
    return name.rpartition("/")[0]


def _folders(name: str) -> list[str]:
    return name.split("/")[:-1]
