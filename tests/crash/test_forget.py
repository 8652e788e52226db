"""`selfsup forget` killed at each of its points: the same command again leaves nothing of the sample."""

import shutil
from pathlib import Path

import pytest

from components.crash import POINTS
from tests.crash import forgetting
from tests.crash.matrix import OWN

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def ingested(tmp_path_factory: pytest.TempPathFactory) -> Path:
    prepared = forgetting.prepare(tmp_path_factory.mktemp("forget") / "made")
    assert forgetting.left(prepared)
    return prepared


@pytest.mark.parametrize("crash", [point for point in POINTS if point.startswith(OWN)])
def test_the_same_command_again_ends_what_was_killed(ingested: Path, crash: str) -> None:
    root, _, _, wrong = forgetting.case(ingested, crash)
    assert wrong == []
    done = forgetting.selfsup(root, "run", "small", "--flow", "ingest")
    assert done.returncode == 0, done.stderr
    assert "11 samples" in done.stdout
    again = forgetting.selfsup(root, "forget", "small", forgetting.id_of_the_sample())
    assert "nothing holds them" in again.stdout
    shutil.rmtree(root)
