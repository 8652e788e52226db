"""Histories as arrays, for models that count.

Letters: N users, R events, V items.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from components.arrays import Doubles, Ints
from components.modalities.events.config import FIRST
from components.modalities.events.packed import PackedEvents

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


@dataclass(frozen=True)
class Histories:
    """user, item, time: [R], of each event of a known item, users one after another, each in order of time. users: N.
    items: V."""

    user: Ints
    item: Ints
    time: Doubles
    users: int
    items: int

    @cached_property
    def chosen(self) -> "csr_matrix":
        """[N, V] float64, 1 where a user had an item."""
        from scipy.sparse import csr_matrix  # .2 s that a model of other kinds of data need not wait for

        one = np.ones(len(self.item))
        found = csr_matrix((one, (self.user, self.item)), shape=(self.users, self.items))
        found.data[:] = 1.0  # an item that a user had twice counts once
        return found

    @property
    def repeats(self) -> float:
        """Share of the events that are of an item which the user had before."""
        return 1 - self.chosen.nnz / max(1, len(self.item))


def histories_of(packed: PackedEvents, items: int) -> Histories:
    """The histories of the packed rows, up to what their part is measured on."""
    return histories((packed.known(place) for place in packed.rows.tolist()), items)


def histories(rows: Iterable[Doubles], items: int) -> Histories:
    """Of each user's item numbers and times [n, 2], in order of time; unknown items are left out."""
    none, count = np.zeros(0, dtype=np.int64), 0
    users, found, times = [none], [none], [np.zeros(0)]
    for user, own in enumerate(rows):
        known = own[own[:, 0] >= FIRST]
        users.append(np.full(len(known), user, dtype=np.int64))
        found.append(known[:, 0].astype(np.int64) - FIRST)
        times.append(known[:, 1])
        count += 1
    return Histories(np.concatenate(users), np.concatenate(found), np.concatenate(times), count, items)
