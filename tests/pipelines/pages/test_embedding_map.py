"""The map of an embedding: where points lie, how they are coloured, what a browser does with it."""

import json
import re
import shutil
import subprocess

import numpy as np
import pytest

from pipelines.pages.charts import COLOURS, QUIET
from pipelines.pages.embedding_map import MARGIN, SIDE, Point, embedding_map

HOSTILE = '"></circle></script><img src=x onerror="document.title=1">'
PLACES = np.array([[0.0, 10.0], [4.0, 30.0], [2.0, 20.0]])
POINTS = [
    Point("a", "<b>first</b>", {"class": "cat", "cluster": "1"}),
    Point("b", "", {"class": "", "cluster": "2"}),
    Point(HOSTILE, "<i>third</i>", {"class": HOSTILE, "cluster": "1"}),
]


def circles(page):
    return re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)" r="4" fill="(#\w+)"', page)


def test_points_fill_the_square_with_the_second_coordinate_upwards():
    found = [(float(x), float(y)) for x, y, _ in circles(embedding_map(PLACES, POINTS, "map"))]
    low, high = MARGIN, SIDE - MARGIN
    assert found == [(low, high), (high, low), (SIDE / 2, SIDE / 2)]


def test_each_group_has_a_colour_and_no_group_is_grey():
    page = embedding_map(PLACES, POINTS, "map")
    names = sorted({"cat", "", HOSTILE})
    expected = [COLOURS[names.index("cat")], QUIET, COLOURS[names.index(HOSTILE)]]
    assert [fill for _, _, fill in circles(page)] == expected
    known = json.loads(re.search(r'<script type="application/json">(.*?)</script>', page, re.DOTALL)[1])
    assert known["fills"] == [expected, [COLOURS[0], COLOURS[1], COLOURS[0]]]
    assert known["legends"][1] == [["1", COLOURS[0]], ["2", COLOURS[1]]]


def test_more_groups_than_can_be_told_apart_have_no_legend():
    many = [Point(str(n), "", {"cluster": str(n)}) for n in range(13)]
    page = embedding_map(np.random.default_rng(0).normal(size=(13, 2)), many, "map")
    assert json.loads(re.search(r"json\">(.*?)</script>", page)[1])["legends"] == [[]]


def test_points_that_lie_on_one_another_are_drawn():
    assert len(circles(embedding_map(np.zeros((3, 2)), POINTS, "map"))) == 3


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs Debian's chromium")
def test_a_browser_shows_the_sample_zooms_recolours_and_runs_nothing_hostile(tmp_path):
    acts = """<script>
    const map = document.getElementById("map"), dots = map.querySelectorAll("circle"), svg = map.querySelector("svg");
    const report = {title: document.title, images: document.querySelectorAll("img").length};
    dots[0].dispatchEvent(new PointerEvent("pointerover", {bubbles: true}));
    report.first = map.querySelector(".sample").textContent;
    dots[2].dispatchEvent(new PointerEvent("pointerover", {bubbles: true}));
    report.third = map.querySelector(".sample").textContent;
    const box = svg.getBoundingClientRect();
    svg.dispatchEvent(new WheelEvent("wheel", {deltaY: -1, cancelable: true,
      clientX: box.left + box.width / 2, clientY: box.top + box.height / 2}));
    report.zoomed = svg.getAttribute("viewBox").split(" ").map(Number);
    map.querySelector("button").click();
    report.whole = svg.getAttribute("viewBox");
    map.querySelector("select").selectedIndex = 1;
    map.querySelector("select").dispatchEvent(new Event("change"));
    report.fills = [...dots].map(dot => dot.getAttribute("fill"));
    document.body.replaceChildren(JSON.stringify(report));
    </script>"""
    page = f"<title>0</title><body>{embedding_map(PLACES, POINTS, 'map')}{acts}</body>"
    (tmp_path / "map.html").write_text(page, encoding="utf-8")
    command = [
        "chromium",
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={tmp_path}/home",
    ]
    done = subprocess.run(
        [*command, "--dump-dom", f"file://{tmp_path}/map.html"], capture_output=True, text=True
    )
    seen = json.loads(
        re.search(r"<body>(.*?)</body>", done.stdout, re.DOTALL)[1].replace("&lt;", "<").replace("&gt;", ">")
    )
    assert (seen["title"], seen["images"]) == ("0", 0)
    assert seen["first"] == "a · class cat · cluster 1first"
    assert seen["third"] == f"{HOSTILE} · class {HOSTILE} · cluster 1third"
    assert seen["zoomed"] == pytest.approx([SIDE * 0.1, SIDE * 0.1, SIDE * 0.8, SIDE * 0.8], abs=0.2)
    assert seen["whole"] == f"0 0 {SIDE} {SIDE}"
    assert seen["fills"] == [COLOURS[0], COLOURS[1], COLOURS[0]]
