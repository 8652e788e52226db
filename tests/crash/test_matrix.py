"""Killed at every point and run again, a stage ends as if nothing had happened."""

from collections.abc import Iterator

import pytest

from components.crash import POINTS
from tests.crash.matrix import OWN, Matrix
from tests.crash.reference import STEPS, Reference
from tests.crash.traces import halves, models, processes, promotions

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def matrix(request: pytest.FixtureRequest, reference: Reference) -> Iterator[Matrix]:
    """Only of those points that are asked for; two processes are at work before their test comes."""
    chosen = [
        item.callspec.params["crash"] for item in request.session.items if "matrix" in item.fixturenames
    ]
    made = Matrix(reference, chosen)
    yield made
    made.close()


@pytest.mark.parametrize("crash", [point for point in POINTS if not point.startswith(OWN)])
def test_killed_here_and_run_again(matrix: Matrix, crash: str) -> None:
    assert matrix.rows[crash].result().wrong == []


def test_killed_between_two_aliases_the_whole_run_again_plans_anew_and_ends_in_the_same(
    reference: Reference,
) -> None:
    """The champion has moved, so that the plan is another one; what it lets stand is what there was."""
    home, done = reference.before("promote", "whole-run-again")
    assert home.run("promote", done, crash="promote.champion").code == 1
    first = {stage: done[stage] for stage in ("ingest", "snapshot")}
    stages = [stage for stage in STEPS[: STEPS.index("report") + 1] if stage not in first]
    again = home.run(" ".join(stages), first)
    assert again.code == 0, again.said
    reference.after("report")
    differing = [stage for stage in again.done if again.done[stage] != reference.done[stage]]
    assert differing == ["plan", "report"]  # the report tells what was planned
    assert models(home)["aliases"] == [("champion", 1)]
    assert promotions(home) == {"done": [["promote", None, "1"]], "open": [0]}
    assert halves(home) == processes(home) == []
