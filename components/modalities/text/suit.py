"""What suits somebody's texts: length, size of the vocabulary, network."""

import json
import math
import re
from collections.abc import Sequence

import numpy as np

from components.modalities.look import Look, Suited
from components.modalities.text.check import check_texts
from components.modalities.text.config import TextConfig, TextLimits
from components.modalities.text.decode import FOREIGN, decode
from components.wording import are, counted

PART = re.compile(r"[^\W_]+|[^\w\s]|_")  # a word or a punctuation mark, as the vocabulary takes texts apart
PIECES = 1.3  # tokens of such a part: 1.05 to 1.55 on five collections of texts, and 1.3 to 2.3 of what blanks part
COVERED = 0.95  # share of the texts that are used whole
SHORTEST, LONGEST = 16, 256  # tokens; cost grows with the length, and what a text is about shows early
OCCURRENCES = 20  # words of text for each piece of the vocabulary
SMALLEST, LARGEST = 512, 8192  # pieces


class TextLook(Look):
    """words, parts: of each good text, see PART. same: the text, as long as all are the same. mails, foreign: of the
    good ones, which are mails, and which neither UTF-8 nor UTF-16."""

    def __init__(self, config: TextConfig, limits: TextLimits | None = None) -> None:
        self.config, self.limits = config, limits or TextLimits()
        self.words: list[int] = []
        self.parts: list[int] = []
        self.same: str | None = None
        self.mails = self.foreign = 0

    def add(self, batch: Sequence[bytes]) -> list[str | None]:
        reasons = check_texts(batch, self.limits)
        for data, reason in zip(batch, reasons, strict=True):
            if reason is not None:
                continue
            found = decode(data)
            self.same = found.text if not self.words or found.text == self.same else None
            self.words.append(len(found.text.split()))
            self.parts.append(sum(1 for _ in PART.finditer(found.text)))
            self.mails += found.mail
            self.foreign += found.encoding == FOREIGN
        return reasons

    @property
    def good(self) -> int:
        return len(self.words)

    @property
    def useless(self) -> str | None:
        if self.same is None or len(self.words) < 2:
            return None
        return (
            f"are the same text, {self.same[:40]!r}: nothing can be learnt from that; give texts that differ"
        )

    @property
    def longest(self) -> int:
        """Words that 95 % of the texts have at most."""
        return int(np.quantile(self.words, COVERED)) if self.words else 0

    @property
    def most_parts(self) -> int:
        """Words and punctuation marks that 95 % of the texts have at most."""
        return int(np.quantile(self.parts, COVERED)) if self.parts else 0

    def lines(self) -> list[str]:
        low, median, high = np.quantile(self.words, [0, 0.5, 1]).astype(int).tolist()
        lines = [f"{low:,} to {high:,} words, median {median:,}, 95 % at most {self.longest:,}"]
        if self.mails:
            are_mails = f"{counted(self.mails, 'text')} {are(self.mails)} mail"
            lines.append(f"{are_mails}: the subject and the text of the body are used")
        if self.foreign:
            lines.append(f"{counted(self.foreign, 'text')} neither UTF-8 nor UTF-16: read as Windows-1252")
        return lines

    def suited(self, samples: int) -> Suited:
        own = self.config.model_dump(exclude_defaults=True)
        found = {"name": "text", "length": self.length(), "vocabulary": self.vocabulary(samples)}
        return Suited(
            modality=json.dumps(found | own, ensure_ascii=False),
            why=f"tokens: 95 % of the texts have at most {self.most_parts:,} words and punctuation marks",
            encoder="{name: text_bag}",
            objective="{name: simclr, layers: 0}",
            speed=speed_of(),
            views="{drop: 0.5}" if self.length() <= SHORT else "{crop: [0.1, 0.3]}",
        )

    def length(self) -> int:
        """A multiple of 16 tokens that holds 95 % of the texts whole, 16 to 256."""
        wanted = 16 * math.ceil((1 + PIECES * self.most_parts) / 16)
        return min(max(wanted, SHORTEST), LONGEST)

    def vocabulary(self, samples: int) -> int:
        """A power of two: a piece for each 20 words of so many samples, 512 to 8192."""
        amount = float(np.mean(self.words)) * samples / OCCURRENCES if self.words else 1.0
        return min(max(1 << int(math.log2(max(1.0, amount))), SMALLEST), LARGEST)


SHORT = 64  # tokens, up to which half of the words left out suits better than spans (docs/log.md)


def speed_of(cores: int = 2) -> float:
    """Samples a second that the bag of words trains on with two views, whatever their length.

    Measured beside other programs: 11,700 to 16,100 with one process, with 128 and with 16 tokens on average. Two
    thirds of that are taken for each core, since processes add up their gradients.
    """
    return 8000.0 * cores
