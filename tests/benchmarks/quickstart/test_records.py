"""The statistic of a record, counted by hand and beside scipy's."""

from datetime import date
from types import SimpleNamespace

import pytest
from scipy import stats

from benchmarks.quickstart import speedrun
from benchmarks.quickstart.records import Run, add, entries, is_faster, judge, load, page, reaches
from components.errors import UserError

GOOD = (0.79, 0.80, 0.80, 0.80, 0.81)
SLOW, FAST = (110.0, 112.0, 108.0, 111.0, 109.0), (100.0, 102.0, 98.0, 101.0, 99.0)


def runs(commit, seconds=SLOW, accuracies=GOOD, machine="box", seeds=range(5), day=1):
    return [
        Run(
            commit=commit, day=date(2026, 1, day), machine=machine, cores=2, seed=seed, accuracy=accuracy, seconds=s,
            load=0.1,
        )
        for seed, s, accuracy in zip(seeds, seconds, accuracies, strict=False)
    ]  # fmt: skip


def student_4(x):
    """Upper tail of Student's t with 4 degrees of freedom, in closed form."""
    r = x * x / (1 + x * x / 4)
    return 0.5 - 0.375 * r**0.5 * (1 - r / 12)


def test_accuracies_that_reach_a_target_by_hand_and_by_scipy():
    """Mean .8, variance (1 + 1) e-4 / 4, so t = .02 / sqrt(.5e-4 / 5) = sqrt(40) against .78."""
    assert reaches(GOOD, 0.78) == pytest.approx(student_4(40**0.5), rel=1e-6)
    assert reaches(GOOD, 0.78) == pytest.approx(0.0016, abs=5e-5)
    assert reaches(GOOD, 0.78) == pytest.approx(stats.ttest_1samp(GOOD, 0.78, alternative="greater").pvalue)
    assert reaches(GOOD, 0.80) == pytest.approx(0.5)
    assert reaches(GOOD, 0.81) > 0.95
    assert (reaches([0.8] * 5, 0.78), reaches([0.8] * 5, 0.8)) == (0.0, 1.0)


def test_seconds_that_are_fewer_by_hand_and_by_scipy():
    """Both of variance (0 + 4 + 4 + 1 + 1) / 4 = 2.5: t = 10, and 8 degrees of freedom."""
    assert is_faster(FAST, SLOW) == pytest.approx(stats.t.sf(10, 8))
    uneven = (90.0, 130.0, 100.0, 95.0, 105.0, 80.0)
    expected = stats.ttest_ind(uneven, SLOW, equal_var=False, alternative="less").pvalue
    assert is_faster(uneven, SLOW) == pytest.approx(expected)
    assert is_faster(SLOW, FAST) > 0.99
    assert (is_faster([1.0] * 5, [2.0] * 5), is_faster([2.0] * 5, [2.0] * 5)) == (0.0, 1.0)


def test_a_record_reaches_the_target_and_is_faster_than_the_one_that_stands():
    hardly = tuple(s - 0.5 for s in FAST)
    measured = [
        *runs("first"),
        *runs("slower", [s + 5 for s in SLOW]),
        *runs("quick but poor", [s / 2 for s in FAST], [0.77, 0.79, 0.78, 0.78, 0.78]),
        *runs("faster", FAST),
        *runs("not certain", hardly),
        *runs("elsewhere", [900.0, 901.0, 902.0, 903.0, 904.0], machine="other"),
    ]
    found = {one.entry.commit: one for one in judge(entries(measured), 0.78)}
    assert [commit for commit, one in found.items() if not one.why] == ["first", "faster", "elsewhere"]
    assert found["first"].faster is None
    assert found["slower"].why == "not certainly faster than first"
    assert found["quick but poor"].why == "not certainly above 0.78"
    assert found["quick but poor"].faster is None
    assert found["not certain"].why == "not certainly faster than faster"
    assert 0.05 <= found["not certain"].faster < 0.5
    assert all(one.why == "not certainly above 0.80" for one in judge(entries(measured), 0.80))


@pytest.mark.parametrize("seeds", [range(4), (0, 1, 2, 3, 5), range(1, 6)])
def test_four_seeds_or_chosen_ones_make_no_record(seeds):
    (one,) = judge(entries(runs("a", seeds=seeds)), 0.78)
    assert one.why.startswith("seeds 0 to 4 at least and without a gap needed, got ")
    assert (one.reached, one.faster) == (None, None)


def test_six_seeds_in_any_order_do():
    six = runs("a", [*SLOW, 110.0], [*GOOD, 0.8], seeds=range(6))
    (one,) = judge(entries(six[::-1]), 0.78)
    assert one.why == ""
    assert len(one.entry.runs) == 6


def test_a_run_is_added_once_and_only_of_a_commit(tmp_path):
    file = tmp_path / "runs.jsonl"
    first, second, *_ = runs("a")
    add(first, file)
    add(second, file)
    assert load(file) == [first, second]
    with pytest.raises(UserError, match=r"seed 0 of commit a is measured already: 0\.7900 in 110\.0 s"):
        add(first.model_copy(update={"accuracy": 0.9}), file)
    add(first.model_copy(update={"machine": "other"}), file)
    for commit in ("a+changes", "unknown"):
        with pytest.raises(UserError, match="commit the changes"):
            add(first.model_copy(update={"commit": commit}), file)
    assert len(load(file)) == 3


def test_the_page_names_records_and_why_others_are_none():
    text = page([*runs("abcdef0123456789"), *runs("slower", [s + 5 for s in SLOW], day=2)])
    first, second = text.split("## Test accuracy 0.80")
    assert (
        "| 2026-01-01 | abcdef012345 | box, 2 cores | 5 | 0.8000 ± 0.0071 | 0.0016 | 110.0 ± 1.6 |  | **record** |"
        in first
    )
    assert "| 2026-01-02 | slower |" in first
    assert "| 0.9995 | not certainly faster than abcdef012345 |" in first  # t = -5, 8 degrees of freedom
    assert "No record yet." not in first
    assert second.count("No record yet.") == 1
    assert page([]).count("No record yet.") == 2


def test_the_command_measures_adds_and_writes_the_table(tmp_path, monkeypatch, capsys):
    """The stages are stood in for: each takes a second of a clock of its own."""
    clock, ran = SimpleNamespace(now=0.0), []

    def execute(stage, recipe, done, settings, journal):
        clock.now += 1
        ran.append((stage, recipe.seed, settings.cpus))
        return f"{stage}/0"

    output = {"metrics": {"accuracy": 0.79}}
    monkeypatch.setattr(speedrun, "execute", execute)
    monkeypatch.setattr(speedrun, "read_manifest", lambda *a: SimpleNamespace(output=output))
    monkeypatch.setattr(speedrun, "git_commit", lambda root: "abc")
    monkeypatch.setattr(speedrun, "available", lambda: 2)
    monkeypatch.setattr(speedrun.time, "monotonic", lambda: clock.now)
    kept, written, home = tmp_path / "runs.jsonl", tmp_path / "page.md", tmp_path / "home"
    speedrun.main(["measure", "--seed", "3", "--home", str(home)], kept, written)
    (run,) = load(kept)
    assert (run.commit, run.seed, run.accuracy, run.seconds, run.cores) == ("abc", 3, 0.79, 6.0, 2)
    assert ran[-1] == ("evaluate", 3, 2), "behind the clock"
    assert "got 3 |" in written.read_text()
    assert written.read_text() in capsys.readouterr().out
    (home / "store").mkdir()
    with pytest.raises(SystemExit, match="has a store"):
        speedrun.main(["measure", "--seed", "4", "--home", str(home)], kept, written)
    monkeypatch.setattr(speedrun, "available", lambda: 1)
    with pytest.raises(SystemExit, match="2 cores needed, got 1"):
        speedrun.main(["measure", "--seed", "4", "--home", str(tmp_path / "b")], kept, written)
    assert len(load(kept)) == 1
