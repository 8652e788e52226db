"""What suits somebody's histories: how many items there are, and how long histories are."""

import json
from collections import Counter
from collections.abc import Sequence

import numpy as np

from components.modalities.events.check import check_events
from components.modalities.events.config import EventsConfig, EventsLimits
from components.modalities.events.decode import decode
from components.modalities.events.pack import counting
from components.modalities.look import Look, Suited

SHORTEST, LONGEST = 10, 100  # events that the encoder sees
COVERED = 0.9  # share of the histories that it sees whole


class EventsLook(Look):
    """events: of each good history. items: how often each occurs. repeated: events of an item that the user had
    before."""

    def __init__(self, config: EventsConfig, limits: EventsLimits | None = None) -> None:
        self.config, self.limits = config, limits or EventsLimits()
        self.events: list[int] = []
        self.items = Counter[str]()
        self.repeated = 0

    def add(self, batch: Sequence[bytes]) -> list[str | None]:
        reasons = check_events(batch, self.limits)
        for data, reason in zip(batch, reasons, strict=True):
            if reason is not None:
                continue
            found = counting(decode(data), self.config)
            self.events.append(len(found))
            self.items.update(event.item for event in found)
            self.repeated += len(found) - len({event.item for event in found})
        return reasons

    @property
    def good(self) -> int:
        return len(self.events)

    @property
    def useless(self) -> str | None:
        if self.good and len(self.items) < 2:
            return "are of one item: nothing can be predicted of that; set modality.item to another column"
        return None

    def lines(self) -> list[str]:
        if not self.events:
            return ["no history"]
        low, median, high = np.quantile(self.events, [0, 0.5, 1]).astype(int).tolist()
        repeats = 100 * self.repeated / max(1, sum(self.events))
        return [
            f"histories of {low:,} to {high:,} events, median {median:,}; {len(self.items):,} items; "
            f"{repeats:.0f} % of the events repeat an item of the user"
        ]

    def notes(self, samples: int) -> list[str]:
        short = sum(count < 3 for count in self.events)
        if self.config.held_out != "last" or short <= 0.5 * max(1, self.good):
            return []
        return ["most users have fewer than 3 events: little can be measured"]

    def window(self) -> int:
        """Events that hold 90 % of the histories whole, a multiple of 10 from 10 to 100."""
        covered = float(np.quantile(self.events, COVERED)) if self.events else 0.0
        return int(min(max(10 * np.ceil(covered / 10), SHORTEST), LONGEST))

    def suited(self, samples: int) -> Suited:
        own = self.config.model_dump(exclude_defaults=True)
        return Suited(
            modality=json.dumps({"name": "events"} | own, ensure_ascii=False),
            why=f"{len(self.items):,} items",
            encoder=f"{{name: history_transformer, window: {self.window()}}}",
            objective="{name: sasrec}",
            speed=1500.0,
            task="ranking",
        )
