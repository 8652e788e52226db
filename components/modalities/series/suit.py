"""What suits somebody's series: how many there are, of which length, and how many channels."""

import json
from collections import Counter
from collections.abc import Sequence

import numpy as np

from components.modalities.look import Look, Suited
from components.modalities.series.check import check_series
from components.modalities.series.config import SeriesConfig, SeriesLimits
from components.modalities.series.decode import decode
from components.wording import are, counted

LONG = 2_000  # time steps from which windows are suggested


class SeriesLook(Look):
    """steps: of each good series. channels: how many series have so many. gaps: series with any. filled: of the channel
    at each place, how many series have a value in it. same: the first one's bytes, as long as all are the same."""

    def __init__(self, config: SeriesConfig, limits: SeriesLimits | None = None) -> None:
        self.config, self.limits = config, limits or SeriesLimits()
        self.steps: list[int] = []
        self.channels, self.filled = Counter[int](), Counter[int]()
        self.gaps = self.constant = 0
        self.same: bytes | None = None

    def add(self, batch: Sequence[bytes]) -> list[str | None]:
        reasons = check_series(batch, self.limits, self.config.axes)
        for data, reason in zip(batch, reasons, strict=True):
            if reason is not None:
                continue
            values = decode(data, self.config.axes)
            self.same = data if not self.steps or data == self.same else None
            self.steps.append(len(values))
            self.channels[values.shape[1]] += 1
            missing = np.isnan(values)
            self.gaps += bool(missing.any())
            self.filled.update(np.flatnonzero(~missing.all(axis=0)).tolist())
            self.constant += bool(((values == values[:1]) | missing).all())
        return reasons

    @property
    def good(self) -> int:
        return len(self.steps)

    @property
    def useless(self) -> str | None:
        if len(self.steps) < 2:
            return None
        if self.same is not None:
            return "are the same series: nothing can be learnt from that; give series that differ"
        if self.constant == len(self.steps):
            return "do not vary in any channel: nothing can be learnt from that; look at what was recorded"
        return None

    @property
    def longest(self) -> int:
        return max(self.steps, default=1)

    @property
    def usual(self) -> int:
        """Channels of most series."""
        return self.channels.most_common(1)[0][0] if self.channels else 1

    def lines(self) -> list[str]:
        low, median, high = np.quantile(self.steps, [0, 0.5, 1]).astype(int).tolist()
        length = (
            f"{low:,} time steps" if low == high else f"{low:,} to {high:,} time steps, median {median:,}"
        )
        lines = [f"{length}; {self.usual} channel{'s' if self.usual != 1 else ''}"]
        if len(self.channels) > 1:
            others = sum(self.channels.values()) - self.channels[self.usual]
            lines.append(f"{others:,} series have another number of channels and will be left out")
        if self.gaps:
            lines.append(f"{self.gaps:,} series have gaps")
        if self.constant:
            lines.append(f"{self.constant:,} series do not vary in any channel")
        return lines

    def notes(self, samples: int) -> list[str]:
        said = []
        if empty := [place for place in range(self.usual) if not self.filled[place]]:
            name = self.config.channels[empty[0]] if self.config.channels else f"number {empty[0] + 1}"
            said.append(
                f"{counted(len(empty), 'channel')} of {self.usual} {are(len(empty), 'has', 'have')} no value in any "
                f"series, e.g. {name}: look at what was recorded, or leave it out (modality.channels or ignore)"
            )
        if self.longest < LONG or self.config.window is not None:
            return said
        return [
            *said,
            f"the longest series has {self.longest:,} time steps: windows (modality.window) are faster and more "
            "samples",
        ]

    def suited(self, samples: int) -> Suited:
        own = self.config.model_dump(exclude_defaults=True)
        return Suited(
            modality=json.dumps({"name": "series"} | own, ensure_ascii=False),
            why=f"{self.usual} channels, up to {self.longest:,} time steps",
            encoder="{name: series_conv}",
            objective="{name: ts2vec}",
            speed=speed_of(float(np.mean(self.steps)) if self.steps else 1.0),
            views="sensor",
        )


def speed_of(steps: float, cores: int = 2) -> float:
    """Samples a second that the convolutions (default size) train on by TS2Vec with so many steps.

    Measured in one process, per second of processor time: 7,800 time steps with series of 16 of them, 9,800 with 40,
    10,100 with 100, 6,000 with 400.
    """
    return 8_000 * cores / max(steps, 8.0)
