import fcntl
import json
import multiprocessing
import threading
from pathlib import Path

import pytest

from components.registry import journal as module
from components.registry.journal import Action, Entry, Journal, State, person


def entry(who: str, to: str) -> Entry:
    return Entry.now(who, "promote", "done", None, to, "r", [{"name": "rank", "passed": True}])


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal" / "model.jsonl")


def test_what_is_written_is_read(journal: Journal) -> None:
    made = journal.append(entry("ada", "1"))
    again = journal.append(made.again("abandoned"))
    assert journal.entries() == [made, again]
    assert (again.state, again.who, again.gate) == ("abandoned", "ada", ({"name": "rank", "passed": True},))
    assert again.time >= made.time


def test_what_a_person_took_back_stays_so_until_somebody_moves_to_it_again(journal: Journal) -> None:
    def add(action: Action, before: str | None, after: str | None, state: State = "done") -> None:
        journal.append(Entry.now("ada", action, state, before, after, "r"))

    def back() -> list[bool]:
        return [journal.taken_back(version) is not None for version in "123"]

    add("promote", None, "1")
    add("promote", "1", "2")
    assert back() == [False, False, False]  # replaced is not taken back
    add("rollback", "2", "1", "begun")
    assert back() == [False, False, False]
    add("rollback", "2", "1")
    assert back() == [False, True, False]
    add("refuse", "1", "3", "abandoned")
    assert back() == [False, True, True]
    add("override", "1", "3")
    add("rollback", "3", "1")
    add("rollback", "1", "3")  # undone
    assert back() == [True, True, False]
    add("found", "3", None)
    assert back() == [True, True, True]


def test_a_torn_line_does_not_count_and_does_not_spoil_the_next(journal: Journal) -> None:
    journal.append(entry("ada", "1"))
    whole = journal.file.read_bytes()
    journal.file.write_bytes(whole + b'{"time": "2026-')
    assert len(journal.entries()) == 1
    journal.append(entry("bob", "2"))
    assert [e.to_version for e in journal.entries()] == ["1", "2"]
    assert journal.file.read_bytes().startswith(whole)
    assert all(json.loads(line) for line in journal.file.read_text().splitlines())


def test_an_entry_waits_for_the_one_that_is_being_written(journal: Journal) -> None:
    """Else the tail that another process is writing would be taken for a torn line, and cut off."""
    journal.append(entry("ada", "1"))
    writer = threading.Thread(target=_append, args=(str(journal.file), "ada"), daemon=True)
    with journal.file.open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        writer.start()
        writer.join(0.3)
        assert len(journal.entries()) == 1
    writer.join(10)
    assert len(journal.entries()) == 51


def _append(file: str, who: str) -> None:
    for i in range(50):
        Journal(Path(file)).append(entry(who, str(i)))


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


def test_a_person_without_a_name_is_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 4711")

    monkeypatch.setattr(module.getpass, "getuser", nobody)
    assert person().startswith("user ")
