"""A look at somebody's texts, and the configuration that suits them."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from components.modalities.text.check import check_texts
from components.modalities.text.config import TextConfig, TextLimits
from components.modalities.text.decode import decode

PIECES = 1.3  # of a word and a mark of punctuation, with the vocabulary of the default size
COVERED = 0.95  # share of the texts that are used whole
SHORTEST, LONGEST = 16, 256  # tokens; cost grows with the length, and the classes of long texts show early
OCCURRENCES = 20  # words of text for each piece of the vocabulary


@dataclass
class TextSurvey:
    """words: of each good text that was looked at. bad: reason of each other one. mails, foreign: of the good ones."""

    words: list[int] = field(default_factory=list)
    bad: list[str] = field(default_factory=list)
    mails: int = 0
    foreign: int = 0


def survey(samples: Iterable[bytes], limits: TextLimits) -> TextSurvey:
    found = TextSurvey()
    for data in samples:
        (reason,) = check_texts([data], limits)
        if reason is not None:
            found.bad.append(reason)
            continue
        text = decode(data)
        found.words.append(len(text.text.split()))
        found.mails += text.mail
        found.foreign += text.encoding == "windows-1252"
    return found


def suited(found: TextSurvey, total: int, column: str = "text") -> TextConfig:
    """length: a multiple of 16 that holds 95 % of the texts whole, 16 to 256. vocabulary: a power of two, one piece for
    each 20 words that all `total` texts have, 512 to 8192."""
    longest = float(np.quantile(found.words, COVERED)) if found.words else 0.0
    length = 16 * int(np.ceil((1 + PIECES * longest) / 16))
    amount = float(np.mean(found.words)) * total if found.words else 0.0
    size = 2 ** int(np.log2(max(1.0, amount / OCCURRENCES)))
    return TextConfig(
        column=column, length=min(max(length, SHORTEST), LONGEST), vocabulary=min(max(size, 512), 8192)
    )
