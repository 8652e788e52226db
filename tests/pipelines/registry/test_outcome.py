"""One sentence on what became of a version, whoever decided it and whenever."""

import pytest

from components.registry.journal import Entry
from pipelines.registry.outcome import champion_of, outcome

REFUSED = {"version": "2", "promoted": False, "reason": "classes: recall 0.10, needed >= 0.20"}
PASSED = {"version": "2", "promoted": True, "reason": "all 9 checks passed"}


def moved(action, to, before=None, state="done", who="ana", reason="why"):
    return Entry.now(who, action, state, before, to, reason)


@pytest.mark.parametrize(
    ("promoted", "moves", "said"),
    [
        (
            PASSED,
            [moved("promote", "2", reason="all 9 checks passed")],
            "Version 2 is the champion, the first one: all 9 checks passed.",
        ),
        (
            PASSED,
            [moved("promote", "1"), moved("promote", "2", "1", reason="all 13 checks passed")],
            "Version 2 is the champion, in place of version 1: all 13 checks passed.",
        ),
        (
            REFUSED,
            [moved("promote", "1")],
            "Version 2 was not promoted: classes: recall 0.10, needed >= 0.20. Version 1 is the champion.",
        ),
        (
            REFUSED,
            [],
            "Version 2 was not promoted: classes: recall 0.10, needed >= 0.20. There is no champion.",
        ),
        (
            REFUSED,
            [moved("promote", "1"), moved("override", "2", "1")],
            "Version 2 is the champion, in place of version 1: ana made it so whatever the gate says (why); the gate: "
            "classes: recall 0.10, needed >= 0.20.",
        ),
        (
            PASSED,
            [moved("promote", "2", "1"), moved("rollback", "1", "2")],
            "Version 2 passed the gate and was champion. Version 1 is the champion.",
        ),
        (
            PASSED,
            [moved("promote", "2"), moved("promote", "3", "2"), moved("rollback", "2", "3")],
            "Version 2 is the champion, in place of version 3: ana went back to it (why).",
        ),
        (
            {**PASSED, "promoted": False, "waiting": True},
            [moved("promote", "1")],
            "Version 2 passed the gate and waits for a person's approval. Version 1 is the champion.",
        ),
        ({"version": None, "skipped": "no labels"}, [], "No model was judged: no labels."),
        (
            {"version": None, "skipped": "no labels"},
            [moved("promote", "1")],
            "No model was judged: no labels. Version 1 is the champion.",
        ),
    ],
)
def test_what_became_of_a_version(promoted, moves, said):
    assert outcome(promoted, champion_of(moves)) == said


def test_what_was_begun_broken_off_or_refused_made_no_champion():
    first = moved("promote", "1")
    rest = [
        moved("promote", "2", "1", "begun"),
        moved("promote", "2", "1", "abandoned"),
        moved("refuse", "3", "1"),
    ]
    assert champion_of([first, *rest]) == first
    assert champion_of([first, moved("found", None, "1")]) is None  # somebody deleted it
