"""Stages as jobs of a real Ray cluster: a head and a node, behind a token."""

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest

from pipelines.engine.ray_jobs import place
from pipelines.settings import Settings

pytestmark = pytest.mark.slow

# Waits for leave; says what it found in its folder.
FIRST = """
import os, time
from pathlib import Path
from components.config import Config
from components.errors import UserError
from pipelines.engine.artifact import Artifact
from pipelines.engine.context import Context

VERSION = 1

class Request(Config):
    seed: int = 0

class Output(Config):
    file: Artifact
    before: list[str]
    node: str

def run(request: Request, folder: Path, context: Context) -> Output:
    home = context.settings.home
    before = sorted(p.name for p in folder.iterdir() if p.name != "log.txt")
    with (home / "calls").open("a") as file:
        file.write("first\\n")
    (folder / "a.bin").write_bytes(bytes(3))
    context.say("at work")
    while not (home / "leave").exists():
        time.sleep(0.05)
    context.say("has leave")
    if (home / "leave").read_text() == "no":
        raise UserError("spoon-missing", "a spoon is needed, a fork came; bring a spoon")
    return Output(file=Artifact.of(folder / "a.bin", folder), before=before, node=os.environ["RAY_ADDRESS"])
"""


@pytest.fixture
def waits(project: Any, request: pytest.FixtureRequest) -> Any:
    (project.root / "pipelines" / "stages" / "first.py").write_text(FIRST)
    project.home.mkdir()
    project.recipe(f"seed: {len(request.node.name)}\n")  # runs of its own: all tests ask one cluster
    return project


@pytest.fixture
def jobs(ray_cluster: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Callable[[], dict[str, str]]:
    """Name of every job -> its status."""
    for name, value in ray_cluster.items():
        if not name.startswith("SELFSUP_"):
            monkeypatch.setenv(name, value)
    from ray.job_submission import JobSubmissionClient

    client = JobSubmissionClient(ray_cluster["SELFSUP_JOBS"])
    old = {job.submission_id for job in client.list_jobs()}

    def statuses() -> dict[str, str]:
        return {
            str(j.submission_id): j.status.value for j in client.list_jobs() if j.submission_id not in old
        }

    return statuses


def key(project: Any, stage: str) -> str:
    (folder,) = (p for p in (project.home / "store" / stage).iterdir() if not p.name.startswith("."))
    return str(folder.name)


def test_a_run_goes_through_the_cluster_and_is_found_again(
    waits: Any, ray_cluster: dict[str, str], jobs: Callable[[], dict[str, str]]
) -> None:
    (waits.home / "leave").write_text("yes")
    code, out, err = waits.selfsup("run", "recipes/small.yaml", **ray_cluster)
    assert code == 0, out + err
    assert "first | at work" in out
    where = place(Settings(home=waits.home))
    names = {f"selfsup-{where}-{stage}-{key(waits, stage)}-1" for stage in ("first", "second")}
    assert jobs() == dict.fromkeys(names, "SUCCEEDED")
    code, out, _ = waits.selfsup("run", "recipes/small.yaml", **ray_cluster)
    assert code == 0
    assert [out.count(f"{stage} | found") for stage in ("first", "second")] == [1, 1]
    assert jobs().keys() == names
    assert waits.calls == ["first", "second"]


def test_who_comes_after_a_kill_follows_the_job_that_runs(
    waits: Any, ray_cluster: dict[str, str], jobs: Callable[[], dict[str, str]], eventually: Any
) -> None:
    process = waits.start("run", "recipes/small.yaml", **ray_cluster)
    eventually(lambda: waits.calls == ["first"], 90)
    process.kill()
    process.communicate()
    (name,) = jobs()
    assert jobs() == {name: "RUNNING"}
    second = waits.start("run", "recipes/small.yaml", **ray_cluster)
    said = next(line for line in second.stdout if "follows the Ray job" in line)
    assert said.split()[-1] == name
    (waits.home / "leave").write_text("yes")
    out, err = second.communicate(timeout=120)
    assert second.returncode == 0, out + err
    assert out.count("has leave") == 1
    assert waits.calls == ["first", "second"]
    assert jobs()[name] == "SUCCEEDED"
    assert len(jobs()) == 2


def test_told_to_stop_it_ends_the_job_and_the_next_attempt_resumes(
    waits: Any, ray_cluster: dict[str, str], jobs: Callable[[], dict[str, str]], eventually: Any
) -> None:
    process = waits.start("run", "recipes/small.yaml", **ray_cluster)
    eventually(lambda: waits.calls == ["first"], 90)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode not in (0, None)
    (name,) = jobs()
    assert jobs() == {name: "STOPPED"}
    eventually(lambda: not [line for line in waits.processes() if "pipelines.engine.child" in line])
    (waits.home / "leave").write_text("no")
    code, _, err = waits.selfsup("run", "recipes/small.yaml", **ray_cluster)
    assert (code, err) == (
        2,
        "selfsup: error [spoon-missing]: first: a spoon is needed, a fork came; bring a spoon\n",
    )
    (waits.home / "leave").write_text("yes")
    code, out, err = waits.selfsup("run", "recipes/small.yaml", **ray_cluster)
    assert code == 0, out + err
    base = name.removesuffix("-1")
    assert {n: s for n, s in jobs().items() if n.startswith(base)} == {
        f"{base}-1": "STOPPED", f"{base}-2": "FAILED", f"{base}-3": "SUCCEEDED",
    }  # fmt: skip
    manifest = (waits.home / "store" / "first" / key(waits, "first") / "manifest.json").read_text()
    assert '"a.bin"' in manifest.partition('"before"')[2]


def test_without_the_token_it_is_refused(waits: Any, ray_cluster: dict[str, str]) -> None:
    given = {**ray_cluster, "RAY_AUTH_TOKEN": "0" * len(ray_cluster["RAY_AUTH_TOKEN"])}
    code, _, err = waits.selfsup("run", "recipes/small.yaml", **given)
    assert code == 2
    assert "refuses us; set RAY_AUTH_MODE=token" in err
    assert waits.calls == []
    assert os.environ.get("SELFSUP_JOBS") is None
