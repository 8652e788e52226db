import numpy as np
import pytest

from benchmarks.kinds import command
from benchmarks.kinds.lines import FILE, append
from benchmarks.kinds.results import figure_of, interval, margin, page, results, rows
from tests.benchmarks.kinds.made import M, line


def test_an_interval_of_one_draw_is_over_test_samples():
    found = interval(np.array([[1.0, 0, 0, -1]]))
    assert found.value == 0
    assert found.high == -found.low == pytest.approx(1.96 * np.sqrt(2 / 3 / 4))


def test_an_interval_of_several_draws_adds_students_variance_over_draws():
    """Test samples do not differ: 0.1 and 0.3 in two draws, standard error .1, t with one degree of freedom."""
    differences = np.repeat([[0.1], [0.3]], 50, axis=1)
    found = interval(differences)
    assert found.value == pytest.approx(0.2)
    assert found.high - found.value == pytest.approx(12.706 * 0.1)
    both = np.random.default_rng(0).normal(size=(5, 40))
    within = 1.96**2 * both.mean(axis=0).var(ddof=1) / 40
    over = 2.776**2 * both.mean(axis=1).var(ddof=1) / 5
    assert interval(both).high - both.mean() == pytest.approx(np.sqrt(within + over))


def test_a_row_names_the_best_simple_baseline_of_the_mean_over_draws():
    more = line(draw=1, right={"init": 80, "recipe": 80, "supervised": 50, "logistic": 61, "knn": 90})
    init, recipe = rows([line(), more])
    assert (init.way, init.simple, init.draws) == ("init", "knn", 2)
    assert init.accuracy["init"] == pytest.approx(0.75)
    assert init.accuracy["knn"] == pytest.approx(0.75)
    assert init.margin.value == pytest.approx(0)
    assert recipe.accuracy["recipe"] == pytest.approx(0.8)


def test_the_margin_is_paired_over_the_test_samples_that_all_draws_have():
    few = np.arange(10, M + 10)
    found = margin([line(), line(draw=1, tests=few)], "recipe", "logistic")
    # Common are 10 to 99: recipe has 70 and, shifted by ten, 80 of these right, logistic 65 and 75.
    assert found.value == pytest.approx((5 + 5) / 2 / 90)


def test_verdicts():
    def verdict(model, rival, row):
        columns = {"init": model, "tf-idf logistic" if row in ("mails", "glosses") else "logistic": rival}
        return rows([line(row, right=columns)])[0].verdict

    assert verdict(90, 60, "films") == "better"
    assert verdict(60, 90, "films") == "worse"
    assert verdict(61, 60, "films") == "undecided"
    assert verdict(90, 60, "glosses") == "better, target reached"
    assert verdict(61, 60, "mails") == "undecided, target missed"
    assert verdict(64, 60, "glosses") == "better, target missed"


def test_minilm_is_a_rival_of_local_weights_alone():
    counts = {"init": 80, "weights": 95, "tf-idf logistic": 85, "minilm": 90}
    init, weights = rows([line("mails", right=counts)])
    assert (init.simple, weights.simple) == ("tf-idf logistic", "minilm")


def test_the_newest_code_of_a_row_is_shown():
    lines = [line(), line(code="b", right={"init": 90, "logistic": 50})]
    assert [row.accuracy["init"] for row in rows(lines)] == [0.9]
    assert "70" not in results(lines, "b")
    assert "0.700" in results(lines, "a")


def test_costs_have_bounds():
    stages = {
        "ingest seconds": 50.0, "snapshot seconds": 45.0, "ingest MB": 200.0, "snapshot MB": 800.0,
        "ingest cpu": 60.0, "snapshot cpu": 40.0,
    }  # fmt: skip
    one = line("million rows", figures=stages, columns={})
    assert [figure_of(one, name) for name in ("seconds", "MB", "cpu")] == [95, 800, 100]
    text = results([one])
    assert "| million rows | seconds | 95.00 | 95.00 to 95.00 | <= 90 | missed |" in text
    assert "| million rows | MB | 800.00 | 800.00 to 800.00 | <= 1000 | reached |" in text
    speed = {f"{name} {what}": value for name in ("text_bag", "text_transformer")
             for what, value in (("share of a bare loop", 0.95), ("waiting for data", 0.05))}  # fmt: skip
    text = results([line("text speed", figures=speed, columns={})])
    assert "| text speed | text_bag share of a bare loop | 0.95 | 0.95 to 0.95 | >= 0.9 | reached |" in text
    assert "| text speed | text_bag waiting for data | 0.05 | 0.05 to 0.05 | <= 0.03 | missed |" in text


def test_what_was_left_out_stands_below_the_table(tmp_path, monkeypatch, capsys):
    lines = [line(left_out=["tabpfn: not installed"]), line(draw=1, left_out=["tabpfn: not installed"])]
    assert results(lines).count("- not measured: films: tabpfn: not installed") == 1
    assert page(lines).startswith("# Texts and rows")
    assert results([]) == "no cell has been measured"
    append(tmp_path / FILE, lines[0])
    monkeypatch.setattr(command, "PAGE", tmp_path / "page.md")
    monkeypatch.setattr("sys.argv", ["kinds", "--folder", str(tmp_path), "results", "--write"])
    command.main()
    assert "| films | 100 | recipe | 1 | 0.800 | logistic 0.750 |" in capsys.readouterr().out
    assert "| films | 100 | recipe |" in (tmp_path / "page.md").read_text()
