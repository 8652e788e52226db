import numpy as np
import pytest

from benchmarks.unseen import command
from benchmarks.unseen.lines import Line, append, pack
from benchmarks.unseen.results import margin, page, results, rows

M = 100


def line(name, labels=10, draw=0, code="a", model=80, right=None, tests=None, **more):
    """Of M test images of class 0 the first `model` are right, and of each column as many as `right` gives."""
    counts = {"model": model, "logistic": 70, "knn": 60, "supervised": 50, "fixmatch": 75, **(right or {})}
    columns = {column: pack((np.arange(M) >= count).astype(np.int64)) for column, count in counts.items()}
    given = {
        "half": "development",
        "commit": code * 40,
        "finished": 1.0,
        "tests": pack(np.arange(M) if tests is None else tests),
        "truth": pack(np.zeros(M, dtype=np.int64)),
        "columns": columns,
        "seconds": 100.0,
        "promoted": True,
        "reason": "all 9 checks passed",
    }
    return Line(name=name, labels=labels, draw=draw, code=code, **{**given, **more})


def cells(text, name):
    return [
        [cell.strip() for cell in row.split("|")[1:-1]]
        for row in text.splitlines()
        if row.startswith(f"| {name} |")
    ]


def test_a_row_holds_the_mean_of_the_draws_and_the_margin_over_the_best_simple_baseline():
    lines = [line("digits"), line("digits", draw=1, model=90, right={"logistic": 72}, seconds=300.0)]
    (row,) = rows(lines)
    assert row.model == pytest.approx(0.85)
    assert (row.simple, row.hindsight, row.rank) == ("logistic", "fixmatch", 1)
    assert row.margin.value == pytest.approx(0.14)  # (80 - 70 + 90 - 72) / 200
    assert row.distance == pytest.approx(0.10)
    assert (row.draws, row.seconds, row.promoted) == (2, 200.0, 2)


def test_the_interval_is_that_of_pairs():
    # 10 images of 100 differ: standard error sqrt(.1 * .9 / 100) = .03, so about .1 -+ .059
    found = margin([line("digits")], "logistic")
    assert (found.low, found.high) == (pytest.approx(0.04, abs=0.011), pytest.approx(0.16, abs=0.011))
    # Ten more on one half of the images and ten fewer on the other: no difference, a wide interval.
    wrong = np.array([0] * 40 + [1] * 10 + [0] * 40 + [1] * 10)
    tied = line("digits").model_copy(
        update={"columns": {"model": pack(wrong), "logistic": pack(np.roll(wrong, 10))}}
    )
    assert margin([tied], "logistic").value == pytest.approx(0)
    assert margin([tied], "logistic").high > 0.05


def test_draws_are_compared_on_the_test_images_that_all_of_them_have():
    shifted = line("digits", draw=1, model=60, tests=np.arange(50, 50 + M))
    # Of images 50 to 99 the first draw's model is right on 30, logistic on 20; the second's on all 50 and all 50.
    assert margin([line("digits"), shifted], "logistic").value == pytest.approx((10 + 0) / 2 / 50)


def test_fixmatch_is_no_simple_baseline_but_counts_in_hindsight_and_for_the_rank():
    (row,) = rows([line("digits", model=72, own={"alone": 0.9, "probe": 0.71})])
    assert (row.simple, row.hindsight, row.rank) == ("logistic", "own alone", 3)
    assert row.distance == pytest.approx(-0.18)


def test_the_worst_margin_is_bold_and_no_other():
    text = results([line("digits"), line("emoji", model=65), line("chess", model=71)])
    assert text.count("**") == 2
    (emoji,) = cells(text, "emoji")
    assert emoji[7].startswith("**-5.0 [")
    assert emoji[5] == "3 of 5"
    assert emoji[6] == "logistic 0.700"


def test_sets_stand_in_their_order_and_few_labels_before_many():
    lines = [line("chess"), *(line("digits", labels=n) for n in ("all", 10, 3)), line("mnist", half="final")]
    body = [row.split("|")[1:4] for row in results(lines).split("\n\n")[0].splitlines()[2:]]
    assert [(a.strip(), c.strip()) for a, _, c in body] == [
        ("digits", "3"), ("digits", "10"), ("digits", "all"), ("chess", "10"), ("mnist", "10"),
    ]  # fmt: skip


def test_means_count_sets_equally_by_half_and_number_of_labels():
    lines = [
        line("digits"), line("digits", draw=1), line("emoji", model=60), line("digits", labels=1, model=70),
        line("mnist", half="final", model=90, promoted=False, failed=("calibration", "size")),
    ]  # fmt: skip
    text = results(lines)
    one, ten = cells(text, "development")
    assert one[1:4] == ["1", "1", "0.700"]
    assert ten[1:7] == ["10", "2", "0.700", "+0.0", "1 / 0 / 1", "-10.0"]  # not (.8 + .8 + .6) / 3
    assert ten[-1] == "3 of 3"
    (final,) = cells(text, "final")
    assert final[1:5] == ["10", "1", "0.900", "+20.0"]
    (mnist,) = cells(text, "mnist")
    assert mnist[11] == "promoted 0 of 1, refused by calibration, size"


def test_the_code_that_was_measured_last_is_shown_and_named():
    lines = [line("digits", model=75), line("emoji"), line("digits", code="b", model=85)]
    text = results(lines)
    assert cells(text, "digits")[0][4] == "0.850"
    assert f"{'a' * 40} (a, 1 cells)" in text
    assert f"{'b' * 40} (b, 1 cells)" in text
    earlier = results(lines, code="a")
    assert cells(earlier, "digits")[0][4] == "0.750"
    assert "b" * 40 not in earlier


def test_a_cell_without_a_model_is_named_with_its_reason():
    lines = [
        line("digits"),
        line("emoji", error="selfsup run ended with code 1: the disk is full", columns={}),
    ]
    text = results(lines)
    assert not cells(text, "emoji")
    assert (
        "- no model: emoji, 10 labels a class, draw 0 (a): selfsup run ended with code 1: the disk is full"
        in text
    )
    assert results([]) == "no cell has been measured"


def test_the_command_writes_the_page(tmp_path, monkeypatch, capsys):
    append(tmp_path / "results.jsonl", line("digits"))
    monkeypatch.setattr(command, "PAGE", tmp_path / "unseen.md")
    monkeypatch.setattr("sys.argv", ["unseen", "--folder", str(tmp_path), "results", "--write"])
    command.main()
    written = (tmp_path / "unseen.md").read_text()
    assert written == page([line("digits")])
    assert written.startswith("# ")
    assert results([line("digits")]) in written
    assert results([line("digits")]) in capsys.readouterr().out
