"""What a value of a label column means: a class, or no label. Missing is null, NaN, empty text, and -1 beside
other numbers (Hugging Face, scikit-learn, STL-10). Numbers that pandas made floats of, because the column has
holes, are the whole numbers that they were.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence

INVISIBLE = "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u00ad"
MISSING = frozenset({"", "nan", "<na>", "nat"})  # as numpy and pandas print it
UNLABELLED = ("unlabeled", "unlabelled", "unknown", "unsorted", "unannotated")
WHOLE = re.compile(r"(-?\d+)(\.0*)?")


def classes_of(values: Iterable[object], names: Sequence[str] = ()) -> dict[object, str]:
    """Each distinct value -> the class that it means, "" for none.

    names: of the classes, where values are numbers that stand for them. {0.0, 1.0, None} -> "0", "1", "";
    {-1, 0, 4} -> "", "0", "4"; {-1, 1} -> "-1", "1": two classes.

    Raises:
        ValueError: a number without a name, where names are given.
    """
    texts = {value: tidy(value) for value in values}
    given = {text for text in texts.values() if text}
    whole = {text: found[1] for text in given if (found := WHOLE.fullmatch(text))}
    if len(whole) < len(given):
        return texts
    numbers = set(whole.values())
    if "-1" in numbers and (names or numbers != {"-1", "1"}):
        whole = {text: "" if number == "-1" else number for text, number in whole.items()}
    if names:
        whole = {text: _name(number, names) for text, number in whole.items()}
    return {value: whole.get(text, "") for value, text in texts.items()}


def tidy(value: object) -> str:
    """A label as text, in composed Unicode, without blanks or invisible characters at its ends; "" if missing."""
    text = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
    before, text = "", "" if value is None else unicodedata.normalize("NFC", text)
    while text != before:
        before, text = text, text.strip().strip(INVISIBLE)
    return "" if text.lower() in MISSING else text


def alike(name: str) -> str:
    """The same for classes whose names differ in case, blanks or invisible characters only."""
    text = unicodedata.normalize("NFKC", name).casefold()
    return "".join(sign for sign in text if not sign.isspace() and sign not in INVISIBLE)


def _name(number: str, names: Sequence[str]) -> str:
    if number == "":
        return ""
    if not 0 <= int(number) < len(names):
        raise ValueError(
            f"label {number} has no name: the file names {len(names)} classes, 0 to {len(names) - 1}"
        )
    return names[int(number)]
