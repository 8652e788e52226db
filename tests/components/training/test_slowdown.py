"""One warning when a training has become slow, with the cause that the system shows."""

from pathlib import Path

import pytest

from components.training import slowdown
from components.training.slowdown import Slowdown, cause, memory_left

QUIET = {"swapped": 0, "memory": 0.5, "data": 0.0, "waited": 0.0, "load": 2.0, "cores": 2, "threads": 1}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"swapped": 3}, "memory is being swapped to disk"),
        ({"memory": 0.02}, "2% of the memory is left"),
        ({"data": 0.6}, "60% of the time it waits for data"),
        ({"waited": 0.4}, "other programs use the 2 cores"),
        ({"load": 4.0}, r"other programs use the 2 cores \(load 4.0\); it goes on"),
        ({"load": 4.0, "threads": 2}, "2 threads of this process wait for each other; set OMP_NUM_THREADS=1"),
        ({}, "no cause was found"),
    ],
)
def test_the_cause_with_its_remedy(changed: dict[str, float], expected: str) -> None:
    import re

    assert re.search(expected, cause(**{**QUIET, **changed}))  # type: ignore[arg-type]


def test_it_warns_once_and_only_after_it_has_been_slow_for_a_while() -> None:
    watch = Slowdown()
    speeds = [100] * 6 + [40] * 4 + [100] * 3 + [40] * 9  # samples a second, a look a second
    said = [watch.seen(1.0, speed, 0.0) for speed in speeds]
    # Five seconds slow: the look at 40 number 5 is the first whose last five are all slow.
    assert [i for i, text in enumerate(said) if text] == [17]
    text = said[17]
    assert text is not None
    assert text.startswith("warning [training-slowed-down]: training has slowed down to 40 of ")


def test_a_slow_beginning_is_no_slowdown() -> None:
    watch = Slowdown()
    assert not any(watch.seen(1.0, speed, 0.0) for speed in [10] * 20 + [100] * 20 + [51] * 30)


def test_one_slow_look_of_many_seconds_is_enough() -> None:
    watch = Slowdown()
    assert not any(watch.seen(0.5, 50, 0.0) for _ in range(30))
    assert watch.seen(20.0, 100, 15.0) is not None


def test_memory_left(tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text("MemTotal:  1000 kB\nMemFree: 1 kB\nMemAvailable:  250 kB\n")
    assert memory_left(tmp_path) == 0.25
    assert memory_left(tmp_path / "none") == 1.0


def test_counters_of_this_machine_do_not_fall() -> None:
    first, second = slowdown.read(), slowdown.read()
    assert second.at >= first.at
    assert second.waited >= first.waited >= 0
    assert second.swapped >= first.swapped >= 0
