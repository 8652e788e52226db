"""Two machines, which are two homes here, move the champion of one registry on a real PostgreSQL at once."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from components.registry.mlflow_registry import Registry, connect, experiment
from pipelines.registry.promotion import history
from pipelines.settings import Settings

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
# Both decide before either moves; a move takes a while, so that without a lock both would find what they expect.
RACE = """
import sys, time
from pathlib import Path
from components.errors import UserError
from components.registry.mlflow_registry import Registry
from pipelines.registry import bucket_lock as lease, promotion
from pipelines.settings import Settings
version, patience, mine, other = sys.argv[1:]
taking = lease._take
def impatiently(*given):
    lease.SECONDS = float(patience)
    try:
        return taking(*given)
    finally:
        lease.SECONDS = 600
lease._take = impatiently
def decided(*given):
    Path(mine).touch()
    while not Path(other).exists():
        time.sleep(0.01)
    raise UserError("not-measured", "nobody has measured it")
promotion._judged = decided
through = Registry.set_alias
def slowly(self, alias, version):
    time.sleep(0.5)
    through(self, alias, version)
Registry.set_alias = slowly
try:
    print(promotion.describe(promotion.override("toys", version, Settings.load(), "machine " + version, "a race")))
except promotion.alias_moves.MovedError as error:
    print(error)
"""


@pytest.fixture
def registry(postgres: Callable[[str], str], tmp_path: Path) -> Registry:
    """With three versions."""
    uri, lock = f"postgresql+psycopg2://{postgres('promotions')}", tmp_path / "lock"
    client = connect(uri, lock)
    where = experiment(client, "toys", tmp_path / "artifacts", lock)
    run_id = client.create_run(where).info.run_id
    registry = Registry(client, "toys", lock)
    for number in range(4):
        logged = client.create_logged_model(where, "model", run_id)
        registry.register(
            f"register/{number}",
            source=logged.artifact_location,
            run_id=run_id,
            model_id=logged.model_id,
            tags={},
        )
    return registry


def test_one_wins_the_other_hears_of_it_and_a_killed_one_holds_nobody_up_for_ever(
    registry: Registry, bucket: str, tmp_path: Path
) -> None:
    uri = registry.client.tracking_uri
    one, two = (Settings(home=tmp_path / name, mlflow=uri, store_remote=bucket) for name in ("one", "two"))

    def begin(
        settings: Settings, version: str, *marks: str, patience: int = 600, **more: str
    ) -> "subprocess.Popen[str]":
        places = [str(tmp_path / mark) for mark in marks]
        return subprocess.Popen(
            [sys.executable, "-c", RACE, version, str(patience), *places],
            cwd=ROOT, env={**os.environ, **settings.environ(), "PYTHONPATH": str(ROOT), **more},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    racers = [begin(one, "1", "a", "b"), begin(two, "2", "b", "a")]
    said = [racer.communicate(timeout=300)[0].strip() for racer in racers]
    won = next(
        place for place, text in enumerate(said) if text.endswith("is the champion (there was none): a race")
    )
    winner = str(won + 1)
    assert said[1 - won] == (
        f"the champion was none when this was decided, and is version {winner} now: decide again"
    )
    assert registry.alias("champion") == winner

    killed = begin(one, "3", "c", "c", SELFSUP_CRASH="promote.champion")
    killed.communicate(timeout=300)
    assert killed.returncode == -signal.SIGKILL  # within its move, and the lock is its
    after = begin(two, "4", "d", "d", patience=3)
    text, error = after.communicate(timeout=300)
    assert text.strip() == "version 4 is the champion (version 3 was it): a race", error
    assert (registry.alias("champion"), registry.alias("previous")) == ("4", "3")
    entries = [(e.action, e.state, e.from_version, e.to_version) for e in history("toys", one)]
    assert entries[-2:] == [("override", "abandoned", winner, "3"), ("found", "done", winner, "4")]
