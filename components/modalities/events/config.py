"""What a recipe may say of event histories, and what is known of packed ones.

Letters: N users, n events of one, V items.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field, PositiveInt, field_validator

from components.arrays import Ints
from components.config import Config
from components.modalities.base import Packing
from components.modalities.events.packed import PackedEvents, Parts

PAD, UNKNOWN, MASK = range(3)  # numbers that are no items
FIRST = 3  # number of the first item
PLACEHOLDER = 8  # made-up items


class EventsConfig(Config):
    """Samples are histories: all events of a user, in order of time. Names of columns are compared in small letters."""

    name: Literal["events"] = "events"
    """Selects event histories."""

    user: str = Field(default="user", min_length=1)
    """Column that names the user (a session, a machine) of an event."""

    item: str = Field(default="item", min_length=1)
    """Column that names the item (a product, a page, a code) of an event."""

    time: str = Field(default="time", min_length=1)
    """Column of the time, a number or an ISO date; rows may come in any order."""

    kind: str = Field(default="kind", min_length=1)
    """Column of the kind of an event, such as view or purchase; a table may lack it."""

    kinds: tuple[str, ...] = ()
    """Kinds of events that count; others are left out of the histories. An event without a kind counts. Empty: all."""

    held_out: Literal["last", "time", "none"] = "last"
    """Events that are not trained on. `last`: the last event of a user is for testing, the one before for choosing
    between models; a user with fewer than three events is only trained on. `time`: the newest events of all users,
    `share` of them for testing and as many before them for choosing. `none`: nothing is held out, nor measured."""

    share: float = Field(default=0.1, gt=0, lt=0.5)
    """Share of the events held out for testing, and again for choosing, with `held_out: time`."""

    length: int = Field(default=512, ge=2, le=16_384)
    """Most events of a history that are used, the last ones."""

    vocabulary: PositiveInt = 50_000
    """Most items, found in the recipe's first samples: the most frequent ones. Every other item, also one that comes
    later, is the unknown item: it is part of a history and is never recommended."""

    fewest: PositiveInt = 1
    """Fewest events that an item must have in the first samples to be known."""

    @field_validator("user", "item", "time", "kind")
    @classmethod
    def _small(cls, name: str) -> str:
        return name.strip().lower()


class EventsLimits(Config):
    """Limits on a history; one that exceeds them is quarantined."""

    max_bytes: PositiveInt = 64 << 20
    """Largest size of a history in bytes."""

    min_events: PositiveInt = 1
    """Fewest events."""

    max_events: PositiveInt = 100_000
    """Most events; a user with more is most likely a program."""


class EventsPacking(Packing):
    """Packed histories: one flat float64 array [sum of n, 2] of item numbers and times, and int64 [N + 1] where each
    history begins in it."""

    name: Literal["events"] = "events"
    """Selects event histories."""

    read_as: EventsConfig
    """How the histories were read."""

    items: tuple[str, ...]
    """[V] names of the known items; item k has the number k + 3. 0 is padding, 1 the unknown item, 2 a masked event."""

    since: tuple[float, float] | None = None
    """Times from which on events are for choosing and for testing, where they are held out by time."""

    @property
    def config(self) -> EventsConfig:
        return self.read_as

    @property
    def length(self) -> int:
        """Most events of a view."""
        return self.read_as.length

    @property
    def numbers(self) -> int:
        """How many numbers stand for an event: V + 3."""
        return FIRST + len(self.items)

    def open(self, files: Mapping[str, Path], rows: Ints | None = None) -> PackedEvents:
        parts = Parts(self.read_as.held_out, self.since, self.length)
        return PackedEvents.open(files, parts, rows)

    def reads(self, other: Packing) -> bool:
        """The same numbers mean the same items, whatever is held out."""
        return isinstance(other, EventsPacking) and self.items == other.items


def placeholder(config: EventsConfig) -> EventsPacking:
    """The packing of made-up histories."""
    since = (0.0, 0.0) if config.held_out == "time" else None
    return EventsPacking(read_as=config, items=tuple(f"item {k}" for k in range(PLACEHOLDER)), since=since)
