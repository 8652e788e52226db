from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

from components.errors import UserError
from components.registry.alias_moves import MovedError, move, reconcile, refuse, roll_back, settle
from components.registry.journal import CHALLENGER, CHAMPION, PREVIOUS, Entry, Held, Journal


class Aliases:
    """A registry in memory that can be cut off at its n-th write, and lose versions."""

    def __init__(self, **aliases: str) -> None:
        self.aliases: dict[str, str] = dict(aliases)
        self.writes_left = 99
        self.deleted: set[str] = set()

    def alias(self, alias: str) -> str | None:
        return self.aliases.get(alias)

    def exists(self, version: str) -> bool:
        return version not in self.deleted

    def set_alias(self, alias: str, version: str | None) -> None:
        if self.writes_left == 0:
            raise KeyboardInterrupt
        assert version is None or self.exists(version)
        self.writes_left -= 1
        if version is None:
            self.aliases.pop(alias, None)
        else:
            self.aliases[alias] = version

    def delete(self, version: str) -> None:
        """As MLflow does: the aliases that point at it go with it."""
        self.deleted.add(version)
        self.aliases = {alias: to for alias, to in self.aliases.items() if to != version}


def go(registry: Aliases, journal: Journal, to: str, expected: str | None) -> Entry:
    return move(registry, journal, to, expected=expected, who="ada", action="promote", reason="better")


def back(registry: Aliases, journal: Journal) -> Entry:
    return roll_back(registry, journal, who="bob", reason="complaints")


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal" / "model.jsonl")


@pytest.fixture
def two(journal: Journal) -> Aliases:
    """Version 2 is champion, 1 was it before."""
    registry = Aliases()
    go(registry, journal, "1", None)
    go(registry, journal, "2", "1")
    return registry


def states(journal: Journal) -> list[tuple[str, str, str | None, str | None]]:
    return [(e.action, e.state, e.from_version, e.to_version) for e in journal.entries()]


def test_two_moves(journal: Journal) -> None:
    registry = Aliases()
    go(registry, journal, "1", None)
    assert registry.aliases == {CHAMPION: "1"}
    entry = go(registry, journal, "2", "1")
    assert registry.aliases == {CHAMPION: "2", PREVIOUS: "1"}
    assert (entry.who, entry.reason, entry.state) == ("ada", "better", "done")
    assert states(journal) == [
        ("promote", "begun", None, "1"),
        ("promote", "done", None, "1"),
        ("promote", "begun", "1", "2"),
        ("promote", "done", "1", "2"),
    ]


def test_moved_meanwhile_is_refused_and_nothing_changes(journal: Journal) -> None:
    registry = Aliases()
    go(registry, journal, "1", None)
    go(registry, journal, "2", "1")
    with pytest.raises(MovedError, match="was version 1 when this was decided, and is version 2 now"):
        go(registry, journal, "3", "1")
    assert registry.aliases == {CHAMPION: "2", PREVIOUS: "1"}
    assert len(journal.entries()) == 4


def test_already_champion_writes_nothing(journal: Journal) -> None:
    registry = Aliases()
    go(registry, journal, "1", None)
    go(registry, journal, "1", "1")
    assert len(journal.entries()) == 2
    assert registry.aliases == {CHAMPION: "1"}


@pytest.mark.parametrize("writes", [0, 1, 2])
def test_a_crash_anywhere_and_the_same_move_again_ends_the_same(journal: Journal, writes: int) -> None:
    registry = Aliases()
    go(registry, journal, "1", None)
    registry.writes_left = writes
    try:
        go(registry, journal, "2", "1")
    except KeyboardInterrupt:
        registry.writes_left = 99
    reconcile(registry, journal)
    go(registry, journal, "2", registry.alias(CHAMPION))
    assert registry.aliases == {CHAMPION: "2", PREVIOUS: "1"}
    assert journal.entries()[-1].state == "done"
    assert [s for _, s, _, to in states(journal) if to == "2"].count("done") == 1
    assert reconcile(registry, journal) is None


def test_a_move_by_hand_is_found_and_recorded(journal: Journal) -> None:
    registry = Aliases()
    go(registry, journal, "1", None)
    registry.aliases[CHAMPION] = "7"
    found = reconcile(registry, journal)
    assert found is not None
    assert (found.action, found.from_version, found.to_version) == ("found", "1", "7")
    assert reconcile(registry, journal) is None
    registry.aliases.clear()
    gone = reconcile(registry, journal)
    assert gone is not None
    assert gone.to_version is None


def test_aliases_that_do_not_stay_set_are_no_promotion(journal: Journal) -> None:
    class Deaf(Aliases):
        def set_alias(self, alias: str, version: str | None) -> None:
            pass

    with pytest.raises(MovedError, match="should be"):
        go(Deaf(), journal, "1", None)
    assert [entry.state for entry in journal.entries()] == ["begun"]


def test_a_champion_is_no_challenger(journal: Journal) -> None:
    registry = Aliases(**{CHALLENGER: "1"})
    go(registry, journal, "1", None)
    assert registry.aliases == {CHAMPION: "1"}
    registry.aliases[CHALLENGER] = "3"
    go(registry, journal, "2", "1")
    assert registry.aliases[CHALLENGER] == "3"


def test_a_rollback_goes_back_and_another_undoes_it(journal: Journal, two: Aliases) -> None:
    entry = back(two, journal)
    assert (entry.action, entry.who, entry.from_version, entry.to_version) == ("rollback", "bob", "2", "1")
    assert two.aliases == {CHAMPION: "1", PREVIOUS: "2"}
    back(two, journal)
    assert two.aliases == {CHAMPION: "2", PREVIOUS: "1"}


@pytest.mark.parametrize("writes", [0, 1, 2])
def test_a_rollback_that_a_crash_cut_short_ends_as_one(journal: Journal, two: Aliases, writes: int) -> None:
    two.writes_left = writes
    try:
        back(two, journal)
    except KeyboardInterrupt:
        two.writes_left = 99
    if settle(two, journal) == "2":
        back(two, journal)
    assert two.aliases == {CHAMPION: "1", PREVIOUS: "2"}
    assert [s for a, s, _, _ in states(journal) if a == "rollback"].count("done") == 1


def test_without_a_previous_champion_there_is_no_way_back(journal: Journal) -> None:
    registry = Aliases()
    go(registry, journal, "1", None)
    with pytest.raises(UserError, match="no previous champion"):
        back(registry, journal)
    assert registry.aliases == {CHAMPION: "1"}
    assert len(journal.entries()) == 2


def test_a_previous_champion_that_was_deleted_is_none(journal: Journal, two: Aliases) -> None:
    two.delete("1")
    with pytest.raises(UserError, match="no previous champion"):
        back(two, journal)


def test_a_champion_that_was_deleted_is_found_missing_and_the_one_before_comes_back(
    journal: Journal, two: Aliases
) -> None:
    two.delete("2")
    assert settle(two, journal) is None
    assert states(journal)[-1] == ("found", "done", "2", None)
    back(two, journal)
    assert two.aliases == {CHAMPION: "1"}


def test_after_a_deleted_champion_the_next_one_keeps_the_way_back(journal: Journal, two: Aliases) -> None:
    two.delete("2")
    go(two, journal, "3", None)
    assert two.aliases == {CHAMPION: "3", PREVIOUS: "1"}


def test_a_rollback_undoes_a_move_by_hand(journal: Journal, two: Aliases) -> None:
    two.aliases[CHAMPION] = "7"
    back(two, journal)
    assert two.aliases == {CHAMPION: "2", PREVIOUS: "7"}
    del two.aliases[CHAMPION]  # the alias, not the version
    back(two, journal)
    assert two.aliases[CHAMPION] == "2"


def test_a_crash_and_then_the_version_is_deleted(journal: Journal, two: Aliases) -> None:
    """The champion has moved, previous has not, and what it should point at is gone: that must not block."""
    two.writes_left = 1
    with pytest.raises(KeyboardInterrupt):
        go(two, journal, "3", "2")
    two.writes_left = 99
    two.delete("2")
    assert settle(two, journal) == "3"
    assert two.aliases == {CHAMPION: "3", PREVIOUS: "1"}
    assert journal.entries()[-1].state == "done"


def test_a_refusal_is_written_down_and_moves_nothing(journal: Journal, two: Aliases) -> None:
    entry = refuse(two, journal, "3", who="bob", reason="no answer in time")
    assert (entry.action, entry.from_version, entry.to_version) == ("refuse", "2", "3")
    assert settle(two, journal) == "2"
    assert journal.entries()[-1] == entry
    go(two, journal, "3", "2")
    assert two.aliases == {CHAMPION: "3", PREVIOUS: "2"}


@pytest.mark.parametrize("calls", [0, 1])
def test_nothing_moves_once_another_machine_may_have_the_lock(
    journal: Journal, two: Aliases, calls: int
) -> None:
    """The lock runs out before the champion moves, or before the previous one does."""
    left = [calls]

    def held() -> None:
        left[0] -= 1
        if left[0] < 0:
            raise ConnectionError("the lock is gone")

    before = dict(two.aliases)
    with pytest.raises(ConnectionError, match="the lock is gone"):
        go(two, Journal(journal.file, lambda: nullcontext(held)), "3", "2")
    assert two.aliases == (before if calls == 0 else {CHAMPION: "3", PREVIOUS: "1"})
    settle(two, journal)
    assert two.aliases == (before if calls == 0 else {CHAMPION: "3", PREVIOUS: "2"})
    assert states(journal)[-1] == ("promote", "done" if calls else "abandoned", "2", "3")


def test_the_second_lock_is_held_while_aliases_are_read_and_moved(journal: Journal) -> None:
    inside = [False]

    class Watched(Aliases):
        def alias(self, alias: str) -> str | None:
            assert inside[0]
            return super().alias(alias)

        def set_alias(self, alias: str, version: str | None) -> None:
            assert inside[0]
            super().set_alias(alias, version)

    @contextmanager
    def second() -> Iterator[Held]:
        inside[0] = True
        yield lambda: None
        inside[0] = False

    registry, shared = Watched(), Journal(journal.file, second)
    go(registry, shared, "1", None)
    go(registry, shared, "2", "1")
    back(registry, shared)
    refuse(registry, shared, "2", who="bob", reason="no")
    assert settle(registry, shared) == "1"
    assert not inside[0]
