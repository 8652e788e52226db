"""The table of crash points against the code, and what SELFSUP_CRASH does."""

import ast
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from components.crash import POINTS, VARIABLE, asked, point
from components.errors import UserError
from pipelines.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
WALK = """
import os
from components.crash import point
for _ in range(3):
    point("train.step"), point("store.output")
    os.write(1, b".")
"""


def calls() -> list[tuple[object, Path]]:
    """What each point(...) of the code is given, and the file; a thing that is no string stands for itself."""
    found: list[tuple[object, Path]] = []
    for folder in ("components", "pipelines", "dags"):
        for file in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_bytes())):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "point":
                    (given,) = node.args
                    name = given.value if isinstance(given, ast.Constant) else ast.dump(given)
                    found.append((name, file.relative_to(ROOT)))
    return found


def test_every_point_of_the_table_stands_in_the_code_and_no_other_does() -> None:
    assert {name for name, _ in calls()} == set(POINTS)


def test_a_point_stands_once_or_once_in_the_code_of_each_task() -> None:
    assert max(Counter(calls()).values()) == 1
    places: dict[object, list[Path]] = {}
    for name, file in calls():
        places.setdefault(name, []).append(file)
    for name, files in places.items():
        if len(files) > 1:
            assert {file.parts[:3] for file in files} == {("pipelines", "stages", str(name).split(".")[0])}


def test_without_the_variable_a_point_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    point("train.step")
    monkeypatch.setenv(VARIABLE, "")
    point("train.step")
    with pytest.raises(AssertionError):
        point("nowhere")


@pytest.mark.parametrize(
    ("crash", "walked"), [("train.step", 0), ("train.step:3", 2), ("store.output:2", 1), ("train.step:4", 3)]
)
def test_the_process_ends_itself_when_it_comes_there_for_the_nth_time(crash: str, walked: int) -> None:
    environ = {**os.environ, VARIABLE: crash, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", WALK], env=environ, capture_output=True)
    assert done.stdout == b"." * walked
    assert done.returncode == (0 if walked == 3 else -signal.SIGKILL)
    assert done.stderr == b""


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("train.stop", "unknown point 'train.stop'; did you mean 'train.step'?"),
        ("train.step:0", "a point, or point:N with N from 1 on, needed, got 'train.step:0'"),
        ("train.step:", "got 'train.step:'"),
        ("train.step:x", "got 'train.step:x'"),
    ],
)
def test_what_is_no_point_is_refused_before_anything_runs(given: str, said: str) -> None:
    with pytest.raises(UserError, match="environment: SELFSUP_CRASH: ") as raised:
        Settings.load({VARIABLE: given})
    assert said in str(raised.value)


def test_settings_take_a_point_for_no_setting() -> None:
    assert asked({VARIABLE: "train.step:2"}) == ("train.step", 2)
    assert Settings.load({VARIABLE: "train.step"}) == Settings.load({})


def test_every_point_has_its_case_in_the_matrix() -> None:
    from tests.crash.matrix import OWN, TIMES, stage_of
    from tests.crash.reference import STEPS

    assert {stage_of(name) for name in POINTS if not name.startswith(OWN)} <= set(STEPS)
    assert set(TIMES) <= set(POINTS)


def test_the_page_has_a_row_for_every_point_and_says_what_is_so_there() -> None:
    from tests.crash.matrix import PAGE, ROOT, lines_of

    page = (ROOT / "docs" / "crash-matrix.md").read_text()
    lines = lines_of(page)
    assert page == PAGE + "".join(f"{line}\n" for line in lines.values())
    assert list(lines) == list(POINTS)
    for name, line in lines.items():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        assert (cells[0], cells[1], cells[4]) == (f"`{name}`", POINTS[name], "yes")


def test_a_row_of_the_page_is_found_again_by_its_point() -> None:
    from tests.crash.matrix import Row, line, lines_of

    row = Row("forget.run", "forget", 1.0, 2.25, 0, "", [])
    lost = Row("forget.index", "forget", 1.0, 3.0, 1, "1", ["tells of the sample: a.txt"])
    told = "| `forget.run` | one of the runs is gone, others are not | forget | 2.2 s | yes |  |  |"
    assert line(row) == told
    assert "| **no**: tells of the sample: a.txt | 1 | 1 |" in line(lost)
    assert lines_of(f"# Page\n| point |\n|---|\n{line(lost)}\n{told}\n") == {
        "forget.index": line(lost), "forget.run": told,
    }  # fmt: skip
