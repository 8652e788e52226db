"""When a canary goes back: by hand-computed rates and percentiles."""

import numpy as np
import pytest

from pipelines.serving.canary import Judge, Latest
from pipelines.serving.options import CanaryRule


def rule(**given: float) -> CanaryRule:
    return CanaryRule.model_validate(
        {"alias": "challenger", "share": 0.5, "least": 10, "window": 20, **given}
    )


def judge(canary: list[tuple[bool, float]], champion: list[tuple[bool, float]], **given: float) -> str | None:
    made = Judge(rule(**given))
    for one in canary:
        made.canary.add(*one)
    for one in champion:
        made.champion.add(*one)
    return made.verdict()


GOOD = [(False, 0.01)] * 10


def test_the_latest_answers_alone_count() -> None:
    latest = Latest(4)
    for error, seconds in [(True, 9.0), (True, 9.0), (False, 1.0), (False, 2.0), (True, 3.0), (False, 4.0)]:
        latest.add(error, seconds)
    assert latest.rate == 0.25
    assert latest.p95 == np.quantile([1.0, 2.0, 3.0, 4.0], 0.95) == pytest.approx(3.85)
    assert (Latest(4).rate, Latest(4).p95) == (0.0, 0.0)


def test_nothing_is_judged_before_both_have_answered_often_enough() -> None:
    bad = [(True, 9.0)] * 9
    assert judge(bad, GOOD) is None
    assert judge([(True, 9.0)] * 10, GOOD[:9]) is None
    assert judge([(True, 9.0)] * 10, GOOD) is not None


@pytest.mark.parametrize(
    ("errors", "champions", "returns"), [(1, 0, True), (1, 1, False), (2, 1, True), (0, 1, False)]
)
def test_more_errors_than_the_champion_and_the_bound(errors: int, champions: int, returns: bool) -> None:
    """One error of ten is .1 above none, and the bound is .02."""
    canary = [(k < errors, 0.01) for k in range(10)]
    found = judge(canary, [(k < champions, 0.01) for k in range(10)])
    assert (found is not None) == returns
    if returns:
        assert found == f"error rate {errors / 10:.1%} of 10 requests, allowed {champions / 10 + 0.02:.1%}"


def test_a_bound_on_errors_that_is_reached_is_not_exceeded() -> None:
    canary = [(k < 1, 0.01) for k in range(10)]
    assert judge(canary, GOOD, errors=0.1) is None
    assert judge(canary, GOOD, errors=0.09) is not None


def test_slower_than_allowed_by_the_95th_percentile() -> None:
    assert judge([(False, 0.02)] * 10, GOOD) is None  # twice as slow, as allowed
    assert judge([(False, 0.021)] * 10, GOOD) == "95th percentile of latency 21.0 ms, allowed 20.0 ms"
    one_slow = [(False, 0.01)] * 19 + [(False, 5.0)]
    assert judge(one_slow, [(False, 0.01)] * 19 + [(False, 5.0)]) is None
