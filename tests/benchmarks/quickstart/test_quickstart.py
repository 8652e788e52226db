import csv
from collections import Counter

from benchmarks.quickstart.draws import ROOT, draw
from benchmarks.quickstart.pages import SHOWN, by_labels

INBOX = ROOT / "recipes" / "quickstart" / "inbox"


def labels(folder):
    with (folder / "labels.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [
        {row["name"]: row["label"] for row in rows if (row["split"] == "test") == side}
        for side in (True, False)
    ]


def test_a_draw_has_so_many_labels_a_class_and_the_shipped_test_samples(tmp_path):
    draw(INBOX, tmp_path / "one", 1, 3)
    draw(INBOX, tmp_path / "two", 2, 3)
    (tests, one), (_, two), (shipped, hundred) = (
        labels(f) for f in (tmp_path / "one", tmp_path / "two", INBOX)
    )
    assert tests == shipped
    assert set(Counter(one.values()).values()) == {3}
    assert len(one) == len(two) == 30
    assert one.keys() != two.keys()
    assert not one.keys() & tests.keys()
    assert all(one[name] == hundred[name] for name in one.keys() & hundred.keys())


def test_seed_0_with_ten_a_class_is_what_is_shipped(tmp_path):
    draw(INBOX, tmp_path / "same", 0, 10)
    assert labels(tmp_path / "same") == labels(INBOX)


def test_the_page_has_mean_and_deviation_of_the_draws():
    page = by_labels("swav", {10: [dict.fromkeys(SHOWN, 0.6), dict.fromkeys(SHOWN, 0.7)]})
    assert page.splitlines()[-1] == "| 10 |" + " 0.650 ± 0.071 |" * len(SHOWN)
    assert "2 draws" in page
