import json

from benchmarks import objectives
from benchmarks.objectives import WRITTEN, Given, below, publish, table


def run(knn, linear=0.8, few=0.7, **more):
    return {"knn": knn, "linear": linear, "few": few, **more}


RUNS = {
    "pixels/0": run(0.80),
    "random/0": run(0.70),
    "good/0": run(0.79, few=0.75),
    "good/1": run(0.81, few=0.73),
    "near/0": run(0.788),
    "poor/0": run(0.786, linear=0.6),
    "colour/0": {"error": "UserError: grey"},
    "colour/1": {"error": "UserError: grey"},
}


def test_who_is_below_pixels_by_more_than_the_noise_is_named():
    assert below(RUNS) == [
        "- below pixels in `knn`, by more than 0.013: poor",
        "- below pixels in `linear`, by more than 0.013: poor",
        "- below pixels in `few`, by more than 0.013: nobody",
    ]
    assert below({"good/0": run(0.1)}) == []  # without pixels there is nothing to be below of


def test_the_table_has_means_over_seeds_the_best_first_and_each_refusal_once():
    lines = table(RUNS, Given(tune=0)).splitlines()
    assert lines[2].startswith("| `good` |  | 2 | 0.800 ± 0.014 | 0.800 ± 0.000 | 0.740 ± 0.014 |")
    assert "tuned" not in lines[0]
    assert sum("colour" in line for line in lines) == 1
    assert lines[-1] == "- `colour`: UserError: grey"


def test_the_largest_budget_stands_first_and_what_is_written_by_hand_stays(tmp_path, monkeypatch):
    monkeypatch.setattr(objectives, "draw_picture", lambda runs, given, file: None)
    small, large = Given(images=10, epochs=2), Given(images=100, epochs=2)
    everything = {given.key: {"settings": given.__dict__, "runs": RUNS} for given in (small, large)}
    everything = json.loads(json.dumps(everything))
    page = tmp_path / "objectives.md"
    publish(everything, small, tmp_path)
    page.write_text(page.read_text().replace(WRITTEN, f"{WRITTEN}\n\nBecause."))
    publish(everything, large, tmp_path)
    text = page.read_text()
    assert text.index("images=100 ") < text.index("images=10 ")
    assert text.endswith("\n\nBecause.\n")
    assert text.count(WRITTEN) == 1
