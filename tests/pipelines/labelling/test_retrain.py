"""The state of a retraining, with a small process in the place of the run."""

import sys
import time

import pytest

from components.errors import UserError
from pipelines.engine import journal
from pipelines.labelling.retrain import Retraining


@pytest.fixture
def retraining(bench, monkeypatch):
    made = Retraining(bench.recipe, bench.settings)
    code = "import sys, time; time.sleep(0.8); print('selfsup: error [x]: a reason'); sys.exit(2)"
    monkeypatch.setattr(made, "command", lambda: [sys.executable, "-c", code])
    return made


def ended(retraining):
    until = time.monotonic() + 30
    while (state := retraining.state())["state"] == "open":
        assert time.monotonic() < until
        time.sleep(0.05)
    return state


def test_one_run_at_a_time_and_what_it_said_when_it_failed(retraining):
    assert retraining.state() == {"state": "none", "text": "no run yet"}
    retraining.start()
    assert retraining.state() == {"state": "open", "text": "a run is starting"}
    with pytest.raises(UserError, match="a run of tones is at work") as caught:
        retraining.start()
    assert caught.value.code == "run-open"
    assert ended(retraining) == {"state": "failed", "text": "selfsup: error [x]: a reason"}
    retraining.start()  # another try may follow
    assert ended(retraining)["state"] == "failed"


def test_the_last_run_of_the_recipe_whoever_began_it(retraining, bench):
    home = bench.settings.home
    other, own = "20260101T000000-000-elsewhere", "20260102T000000-000-tones"
    journal.append(journal.journal_file(home, other), {"run": other, "ended": 1.0, "error": ""})
    assert retraining.state()["state"] == "none"
    journal.append(journal.journal_file(home, own), {"run": own, "ended": 2.0, "error": "UserError: no room"})
    assert retraining.state() == {"state": "failed", "text": f"{own}: UserError: no room"}
    retraining.start()
    assert retraining.state()["text"] == "a run is starting"  # not the state of the run before
    ended(retraining)
