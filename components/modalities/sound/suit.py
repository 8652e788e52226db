"""What suits somebody's sounds: rate, seconds, network."""

import json
from collections import Counter
from collections.abc import Sequence

import numpy as np

from components.modalities.look import Look, Suited
from components.modalities.sound.check import examine
from components.modalities.sound.config import SoundConfig, SoundLimits
from components.modalities.sound.decode import Heard
from components.wording import counted

COVERED = 0.95  # share of the sounds that are used whole
SHORTEST, LONGEST = 0.25, 8.0  # seconds; cost grows with them
SLOW, USUAL = 8_000, 16_000  # Hz: of telephones; of most networks of speech and sounds
PART = 0.25  # seconds that the length is a multiple of


class SoundLook(Look):
    """heard: of each good sound. first: the bytes of the first one. differ: whether another one has others."""

    def __init__(self, config: SoundConfig, limits: SoundLimits | None = None) -> None:
        self.config, self.limits = config, limits or SoundLimits()
        self.heard: list[Heard] = []
        self.first, self.differ = b"", False

    def add(self, batch: Sequence[bytes]) -> list[str | None]:
        reasons = list[str | None]()
        for data, found in zip(batch, examine(batch, self.limits), strict=True):
            reasons.append(found if isinstance(found, str) else None)
            if isinstance(found, Heard):
                self.differ |= bool(self.heard) and data != self.first
                self.first = self.first or data
                self.heard.append(found)
        return reasons

    @property
    def good(self) -> int:
        return len(self.heard)

    @property
    def useless(self) -> str | None:
        if self.differ or len(self.heard) < 2:
            return None
        return "are the same sound: nothing can be learnt from that; give sounds that differ"

    def lines(self) -> list[str]:
        low, median, covered, high = np.quantile([one.seconds for one in self.heard], [0, 0.5, COVERED, 1])
        rates = Counter(one.rate for one in self.heard).most_common(3)
        several = sum(one.channels > 1 for one in self.heard)
        lines = [f"{low:.2f} to {high:.2f} s, median {median:.2f}, 95 % at most {covered:.2f}"]
        lines.append("rates: " + ", ".join(f"{rate:,} Hz ({count:,})" for rate, count in rates))
        if several:
            how = (
                "mixed down to their mean"
                if self.config.channels == 1
                else f"{self.config.channels} are used"
            )
            lines.append(f"{counted(several, 'sound')} with several channels: {how}")
        return lines

    def suited(self, samples: int) -> Suited:
        own = self.config.model_dump(exclude_defaults=True)
        found = {"name": "sound", "rate": self.rate(), "seconds": self.seconds()}
        return Suited(
            modality=json.dumps(found | own),
            why=f"95 % of the sounds have at most {self.seconds():g} s"
            if self.whole()
            else "the middle of each sound",
            encoder="{name: sound_cnn}",
            objective="{name: simclr}",
            speed=speed_of(self.rate(), self.seconds()),
        )

    def whole(self) -> bool:
        """Whether 95 % of the sounds are used whole."""
        return not self.heard or float(np.quantile([one.seconds for one in self.heard], COVERED)) <= LONGEST

    def seconds(self) -> float:
        """A multiple of .25 that holds 95 % of the sounds whole, .25 to 8."""
        longest = float(np.quantile([one.seconds for one in self.heard], COVERED)) if self.heard else 2.0
        return float(min(max(PART * np.ceil(longest / PART - 1e-6), SHORTEST), LONGEST))

    def rate(self) -> int:
        """16 kHz, or 8 kHz where half of the sounds have no more."""
        usual = float(np.median([one.rate for one in self.heard])) if self.heard else USUAL
        return USUAL if usual > 1.5 * SLOW else SLOW


def speed_of(rate: int, seconds: float, cores: int = 2) -> float:
    """Samples a second that sound_cnn trains on with two views."""
    return 90.0 * cores / seconds * USUAL / max(rate, SLOW)
