"""Each process of the platform is killed while a stage runs: the platform heals, and the work ends as if nothing had
happened."""

import json
import os
import signal
from pathlib import Path

import pytest

from pipelines.operations import services, supervisor
from tests.platform.conftest import PATIENT, Platform, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]
KILLED = (*services.SERVICES, supervisor.WATCHDOG, "supervisor")


def totals(platform: Platform) -> list[int]:
    """What the second stage made, run by run."""
    files = sorted(
        Path(platform.settings.store).glob("second/*/manifest.json"), key=lambda f: f.stat().st_mtime
    )
    return [json.loads(file.read_text())["output"]["total"] for file in files]


def test_whatever_is_killed_comes_back_and_the_work_goes_on(platform: Platform) -> None:
    platform.project.recipe()
    platform.project.behave("slow")
    code, _, err = platform.selfsup("up")
    assert code == 0, err
    until(lambda: platform.rows("select 1 from dag where dag_id = 'train_small'") != [], "the DAG is there")
    healed: dict[str, float] = {}
    for number, name in enumerate(KILLED, 1):
        waiting = platform.project.home / "waiting"
        waiting.unlink(missing_ok=True)
        platform.project.recipe(f"first: {{size: {number}}}\n")
        platform.trigger("train_small", f"kill-{name}")
        until(waiting.exists, f"{name}: the stage is at work")
        before, stage = platform.pids(), int(waiting.read_text() or 0)
        told = len(platform.told)
        os.kill(before[name], signal.SIGKILL)
        until(
            lambda name=name, before=before: platform.pids().get(name) not in (None, before[name]),
            "a new one",
        )
        healed[name] = until(platform.well, f"{name}: the platform is well")
        until(
            lambda name=name: platform.state(f"kill-{name}") in ("success", "failed"),
            f"{name}: the run ends",
            900,
        )
        assert platform.state(f"kill-{name}") == "success", name
        assert totals(platform) == [2 * n for n in range(1, number + 1)]
        assert not _lives(stage)
        until(
            lambda told=told: [t["event"] for t in platform.told[told:]] != [],
            f"{name}: a person hears of it",
        )
        assert platform.told[told]["event"] == "restarted"
        assert name in platform.told[told]["text"]
    print("seconds until all was well again:", {name: round(seconds) for name, seconds in healed.items()})
    crowded = os.getloadavg()[0] > 2 * (os.cpu_count() or 1)  # an import takes several times as long there
    assert max(healed.values()) < (PATIENT if crowded else 60)
    code, out, _ = platform.selfsup("status", "--json")
    assert code == 0, out
    assert json.loads(out)["recipes"]["small"]["ended"] == "done"


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
