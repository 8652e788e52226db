import fcntl
import json
import multiprocessing
import threading
from pathlib import Path

import pytest

from components.registry.journal import CHAMPION, PREVIOUS, Entry, Journal, MovedError, move, reconcile


class Aliases:
    """A registry in memory that can be cut off at its n-th write."""

    def __init__(self, **aliases: str) -> None:
        self.aliases: dict[str, str] = dict(aliases)
        self.writes_left = 99

    def alias(self, alias: str) -> str | None:
        return self.aliases.get(alias)

    def set_alias(self, alias: str, version: str | None) -> None:
        if self.writes_left == 0:
            raise KeyboardInterrupt
        self.writes_left -= 1
        if version is None:
            self.aliases.pop(alias, None)
        else:
            self.aliases[alias] = version


def go(registry: Aliases, journal: Journal, to: str, expected: str | None) -> Entry:
    return move(registry, journal, to, expected=expected, who="ada", action="promote", reason="better")


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal" / "model.jsonl")


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
    with pytest.raises(MovedError, match="was version 1, and is 2 now"):
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


def test_a_torn_line_does_not_count_and_does_not_spoil_the_next(journal: Journal) -> None:
    registry = Aliases()
    go(registry, journal, "1", None)
    whole = journal.file.read_bytes()
    journal.file.write_bytes(whole + b'{"time": "2026-')
    assert len(journal.entries()) == 2
    go(registry, journal, "2", "1")
    assert len(journal.entries()) == 4
    assert journal.file.read_bytes().startswith(whole)
    assert all(json.loads(line) for line in journal.file.read_text().splitlines())


def test_an_entry_waits_for_the_one_that_is_being_written(journal: Journal) -> None:
    """Else the tail that another process is writing would be taken for a torn line, and cut off."""
    go(Aliases(), journal, "1", None)
    writer = threading.Thread(target=_append, args=(str(journal.file), "ada"), daemon=True)
    with journal.file.open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        writer.start()
        writer.join(0.3)
        assert len(journal.entries()) == 2
    writer.join(10)
    assert len(journal.entries()) == 52


def _append(file: str, who: str) -> None:
    for i in range(50):
        Journal(Path(file)).append(
            Entry(
                time="t",
                who=who,
                action="promote",
                state="done",
                from_version=None,
                to_version=str(i),
                reason="r",
            )
        )


def test_two_processes_lose_no_entry(journal: Journal) -> None:
    spawn = multiprocessing.get_context("fork")
    workers = [spawn.Process(target=_append, args=(str(journal.file), who)) for who in ("ada", "bob")]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    entries = journal.entries()
    assert len(entries) == 100
    assert [e.to_version for e in entries if e.who == "ada"] == [str(i) for i in range(50)]
