"""The decision, case by case, and the sentence that says why."""

import itertools

import pytest

from components.errors import UserError
from pipelines.stages.plan.decision import Facts, decide
from pipelines.stages.plan.stage import Request

QUIET = {"version": "3", "old": 1000}


def asked(**policy):
    return Request(snapshot="snapshot/0", model="toys", asked={}, **policy)


def test_other_code_is_said_to_be_kept_where_it_is_and_nowhere_else():
    facts = Facts(version="3", old=1000, other_code=("embed",))
    assert decide(asked(), facts)[1].endswith("what it made is kept (plan.on_code_change: keep).")
    worn = facts.model_copy(update={"new": 500, "generation": 5})
    decision, reason = decide(asked(), worn)
    assert (decision, "is kept" in reason) == ("scratch", False)


@pytest.mark.parametrize(
    ("policy", "facts", "decision", "says"),
    [
        ({}, {"new": 80}, "scratch", "Training from scratch on 80 samples: there is no champion yet."),
        (
            {},
            {"deleted": "2"},
            "scratch",
            "version 2 was the champion by the journal and is none any more in MLflow",
        ),
        (
            {},
            {**QUIET, "lost": ("pretrain/0",)},
            "scratch",
            "of the champion, version 3, the store no longer has pretrain/0",
        ),
        (
            {},
            {**QUIET, "changed": "the code is another"},
            "scratch",
            "the code is another than that of the champion",
        ),
        ({}, {**QUIET, "spoiled": 2}, "scratch", "version 3 was trained on 2 of what are test samples now"),
        ({}, QUIET, "skip", "No new labels, and no new samples: version 3 stays."),
        (
            {},
            {**QUIET, "new": 49},
            "skip",
            "49 new samples are 4.9% of the 1,000 that version 3 has seen (from 5.0% on",
        ),
        (
            {},
            {**QUIET, "new": 50},
            "warm",
            "50 new samples are 5.0% of the 1,000 that version 3 has seen: warm start",
        ),
        ({"new_share": 0.5}, {**QUIET, "new": 50}, "skip", "from 50.0% on"),
        (
            {},
            {**QUIET, "labels": 7},
            "labels",
            "7 labels are new or changed, and no new samples: the encoder of version 3",
        ),
        ({}, {**QUIET, "labels": 7, "new": 9}, "labels", "9 new samples are 0.9%"),
        ({}, {**QUIET, "labels": 7, "new": 90}, "warm", "9.0%"),
        (
            {},
            {**QUIET, "new": 9, "windows": 3, "drifted": True},
            "warm",
            "the last 3 deliveries, the newest among them",
        ),
        (
            {},
            {**QUIET, "new": 9, "windows": 3, "drifted": True},
            "warm",
            "by chance once in 5,025 deliveries",
        ),
        ({"max_age_days": 30}, {**QUIET, "new": 1, "old_age": True}, "warm", "it is older than 30 days"),
        ({"max_age_days": 30}, {**QUIET, "old_age": True}, "skip", "no new samples"),
        (
            {"policy": "always"},
            {**QUIET, "new": 1},
            "warm",
            "1 new sample, and the policy is to train on any",
        ),
        ({"policy": "always"}, QUIET, "skip", "no new samples"),
        (
            {"policy": "never"},
            {**QUIET, "new": 900, "drifted": True, "old_age": True},
            "skip",
            "900 new samples are 90.0%",
        ),
        ({"policy": "never"}, {**QUIET, "new": 900, "labels": 1}, "labels", "1 label is new"),
        ({"policy": "never"}, {"new": 80}, "scratch", "no champion yet"),
        ({}, {**QUIET, "new": 90, "generation": 4}, "warm", "warm start"),
        ({}, {**QUIET, "new": 90, "generation": 5}, "scratch", "5 warm starts in a row are enough"),
        ({"generations": 0}, {**QUIET, "new": 90}, "scratch", "0 warm starts in a row are enough"),
        ({"force": "scratch"}, QUIET, "scratch", "because a person asked for it"),
        (
            {"force": "warm"},
            {**QUIET, "generation": 9},
            "warm",
            "A warm start from version 3, because a person asked",
        ),
    ],
)
def test_each_case(policy, facts, decision, says):
    word, reason = decide(asked(**policy), Facts(**facts))
    assert (word, reason[-1]) == (decision, ".")
    assert says in reason
    assert "\n" not in reason


@pytest.mark.parametrize(
    "facts", [{}, {**QUIET, "spoiled": 1}, {**QUIET, "lost": ("x",)}, {**QUIET, "changed": "x"}]
)
def test_a_warm_start_is_not_forced_where_there_is_nothing_to_start_from(facts):
    with pytest.raises(
        UserError, match=r"a warm start is asked for and cannot be: .*; leave force out, or force scratch"
    ):
        decide(asked(force="warm"), Facts(**facts))
    assert decide(asked(force="scratch"), Facts(**facts))[0] == "scratch"


def test_no_facts_whatever_train_on_the_encoder_of_a_champion_that_is_not_sound():
    """A property: with anything that spoils the champion, only scratch comes out, whatever else is so."""
    spoils = [{"version": None}, {"lost": ("x",)}, {"changed": "x"}, {"spoiled": 1}]
    others = itertools.product([0, 900], [0, 3], [False, True], ["auto", "always", "never"])
    for (new, labels, drifted, policy), spoil in itertools.product(list(others), spoils):
        facts = Facts(**{**QUIET, "new": new, "labels": labels, "drifted": drifted, **spoil})
        assert decide(asked(policy=policy), facts)[0] == "scratch"
