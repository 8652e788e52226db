"""Files of the .ts format of aeon and sktime: many series with labels.

Source: https://www.aeon-toolkit.org/en/latest/examples/datasets/data_loading.html. After @data a line is a series:
channels between colons, values between commas, `?` or NaN is missing, the label last where @classLabel is true. What is
not read: time stamps (@timeStamps true).
Letters: T time steps, C channels.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from components.arrays import Doubles
from components.data.tables import UNREADABLE


class Line(NamedTuple):
    """One series. values: [T, C], or why there are none. label: "" where there is none."""

    values: Doubles | str
    label: str


def read_ts(file: Path) -> Iterator[Line]:
    """The series of a file, in order; channels of unequal length end in NaN.

    Raises:
        ValueError: it is no such file, or one with time stamps; one line.
    """
    labelled, inside = False, False
    try:
        with file.open(encoding="utf-8-sig") as stream:
            for number, text in enumerate(stream, start=1):
                line = text.strip()
                if not line or line.startswith(("#", "%")):
                    continue
                if inside:
                    yield _series(line, number, labelled)
                    continue
                word, _, rest = line.partition(" ")
                match word.lower():
                    case "@data":
                        inside = True
                    case "@timestamps" if rest.strip().lower() == "true":
                        raise ValueError("time stamps are not read; save it as a long table")
                    case "@classlabel" | "@targetlabel":
                        labelled = rest.strip().lower().startswith("true")
                    case _ if not word.startswith("@"):
                        raise ValueError(f"line {number}: a line that begins with @ is required before @data")
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise ValueError(f"{UNREADABLE}: {str(error)[:200]}") from None
    if not inside:
        raise ValueError(f"{UNREADABLE}: a line @data is required")


def _series(line: str, number: int, labelled: bool) -> Line:
    *parts, last = line.split(":")
    label = last.strip() if labelled else ""
    texts = parts if labelled else [*parts, last]
    channels = []
    for part in texts:
        try:
            channels.append([_number(text) for text in part.split(",")])
        except ValueError:
            return Line(f"line {number}: {part[:60]} is not a list of numbers", label)
    if not channels:
        return Line(f"line {number}: no values", label)
    longest = max(map(len, channels))
    values = np.full((longest, len(channels)), np.nan)
    for place, channel in enumerate(channels):
        values[: len(channel), place] = channel
    return Line(values, label)


def _number(text: str) -> float:
    text = text.strip()
    return np.nan if text in ("?", "") else float(text)
