"""CSV as people and their programs write it: the encoding and the delimiter are found, all else is strict.

What cannot be what its author meant (a quote that nothing closes, more values than columns) is refused with its
line, because a lenient reader makes one long value of all that follows.
"""

import csv
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import TextIO

DELIMITERS = ",;\t|"
MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
LONGEST = 1 << 24  # characters of a line
SEPARATOR = re.compile(r"sep=(.)\s*")  # the first line that Excel reads and writes
CAUSES = {
    "unexpected end of data": "a quote is opened and never closed",
    "expected after": "text follows a closing quote; within a value in quotes, a quote is written twice",
    "field limit": "a quote is opened and not closed for 131,072 characters",
}


def encoding_of(file: Path) -> str:
    """UTF-8 and UTF-16 are certain, by their mark or by their bytes; everything else is read as Windows-1252, which
    holds Latin-1."""
    with file.open("rb") as stream:
        head = stream.read(4)
        for mark, encoding in MARKS.items():
            if head.startswith(mark):
                return encoding
        if len(head) == 4 and b"\0" in head:
            return "utf-16-le" if head[1] == 0 else "utf-16-be"
    try:
        with file.open(encoding="utf-8") as text:
            while text.read(1 << 20):
                pass
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def read_csv(file: Path, *, uneven: bool = False) -> Iterator[tuple[int, list[str]]]:
    """(number of the line on which it begins, values) of the header, in small letters, and of each row that is not
    blank.

    uneven: rows of more or fewer values than there are columns come as they are; the caller judges them.

    Raises:
        ValueError: not CSV, with the line.
        UnicodeDecodeError, OSError: it cannot be read.
    """
    with file.open(newline="", encoding=encoding_of(file)) as stream:
        lines = lines_of(stream)
        before, header, delimiter = _header(lines)
        reader = csv.reader(
            chain([header], lines), delimiter=delimiter, strict=True, skipinitialspace=delimiter != "\t"
        )
        names, line = list[str](), before
        try:
            for values in reader:
                line, begun = before + reader.line_num, line + 1
                if not uneven and any("\0" in value for value in values):
                    raise ValueError(f"line {begun}: a value holds a NUL character")
                values = [value.strip() for value in values]
                if not names:
                    values = names = _distinct([value.lower() for value in values])
                elif (
                    values and values[0].lower() == names[0] and [value.lower() for value in values] == names
                ):
                    continue  # tables that were joined
                width = len(names)
                if not uneven and any(values[width:]):
                    raise ValueError(
                        f"line {begun}: {len(values)} values for {width} columns; a value that holds"
                        f" {delimiter!r} needs quotes"
                    )
                if any(values):
                    yield begun, values if uneven else values[:width]
        except csv.Error as error:
            cause = next((cause for text, cause in CAUSES.items() if text in str(error)), str(error))
            raise ValueError(f"line {line + 1}: {cause}") from None


def lines_of(stream: TextIO) -> Iterator[str]:
    """The lines of a text; one without end, which would be held in memory whole, is refused.

    Raises:
        ValueError: a line has more than LONGEST characters, with its number.
    """
    number = 0
    while line := stream.readline(LONGEST):
        number += 1
        if len(line) == LONGEST:
            raise ValueError(f"line {number}: longer than {LONGEST:,} characters")
        yield line


def _header(stream: Iterator[str]) -> tuple[int, str, str]:
    """(lines before it, the line, its delimiter); blank lines, comments and Excel's `sep=;` come before it."""
    told = ""
    for before, line in enumerate(stream):
        if found := SEPARATOR.fullmatch(line):
            told = found[1]
        elif line.strip() and not (line.startswith("#") and not any(mark in line for mark in DELIMITERS)):
            return before, line, told or max(DELIMITERS, key=line.count)
    raise ValueError("it is empty: a header and rows are needed")


def _distinct(names: list[str]) -> list[str]:
    if doubled := [name for name in names if name and names.count(name) > 1]:
        raise ValueError(f"two columns are called {doubled[0]!r}")
    return names
