"""Event histories, bound to the interface of modalities.

Letters: N users, n events of one.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from components.arrays import Doubles, Ints
from components.modalities.base import Modality, Written
from components.modalities.events import serve
from components.modalities.events.config import EventsConfig, EventsLimits, EventsPacking, placeholder
from components.modalities.events.decode import NotEvents, decode
from components.modalities.events.pack import counting, numbered, numbers_of, pack_events, packing_of
from components.modalities.events.read import EventsReader
from components.modalities.events.show import snippet
from components.modalities.events.suit import EventsLook


class EventHistories(Modality[EventsConfig, EventsPacking]):
    """Packed as float64 [n, 2] a user, item numbers and times; a view is [B, T] int64, item numbers, 0 is padding.

    Events that are held out are in the arrays; views for training are made without them (PackedEvents), those of a
    request with all that it holds.
    """

    config: EventsConfig
    founded = True
    policies: ClassVar[Mapping[str, str]] = {
        "history": "spans of the history, masked events, events of a span in another order"
    }
    beside = 3
    Limits = EventsLimits
    columns = (serve.COLUMN,)

    def look(self) -> EventsLook:
        return EventsLook(self.config)

    def placeholder(self) -> EventsPacking:
        return placeholder(self.config)

    def reader(self, limits: EventsLimits) -> EventsReader:
        return EventsReader(self.config, limits)

    def pack(
        self,
        encoded: Callable[[], Iterable[Sequence[bytes | Doubles]]],
        total: int,
        folder: Path,
        *,
        before: EventsPacking | None = None,
        progress: Callable[[float], None] = lambda done: None,
    ) -> Written:
        return pack_events(encoded, total, folder, self.config, before, progress)

    def packing(self, written: Written, folder: Path, rows: Ints) -> EventsPacking:
        return packing_of(self.config, written.found, folder)

    def example(self, stored: Doubles, packing: EventsPacking) -> str:
        return serve.to_value(stored, packing)

    def to_sample(self, value: Any) -> bytes:
        return serve.to_sample(value)

    def stored(self, data: bytes, packing: EventsPacking) -> Doubles:
        events = counting(decode(data), self.config)
        if not events:
            raise NotEvents("no events: of the kinds in modality.kinds")
        return numbered(events, numbers_of(packing.items))

    def show(self, stored: Doubles, packing: EventsPacking, size: int = 64) -> str:
        return snippet(stored, packing, size)
