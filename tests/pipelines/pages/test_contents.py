"""Sections that fold, and links to them."""

from pipelines.pages.contents import PLACE, with_contents
from pipelines.pages.page import render

PAGE = f"<main><p>lead</p>{PLACE}<b>tiles</b><h2>One &amp; all</h2><p>1</p><h2>Two</h2>2<h2>Three</h2>3</main></body>"


def test_each_section_folds_and_is_linked_to():
    made = with_contents(PAGE)
    assert made == (
        '<main><p>lead</p><nav class="contents" aria-label="Contents"><a href="#part-0">One &amp; all</a>'
        '<a href="#part-1">Two</a><a href="#part-2">Three</a></nav><b>tiles</b>'
        '<details open class="part" id="part-0"><summary><h2>One &amp; all</h2></summary><p>1</p></details>\n'
        '<details open class="part" id="part-1"><summary><h2>Two</h2></summary>2</details>\n'
        '<details open class="part" id="part-2"><summary><h2>Three</h2></summary>3</details>\n</main></body>'
    )


def test_a_page_of_two_sections_stays_as_it_is():
    short = PAGE.replace("<h2>Three</h2>3", "")
    assert with_contents(short) == short.replace(PLACE, "")


def test_no_value_begins_a_section():
    values = {"title": "<h2>title</h2>", "subtitle": PLACE, "summary": "<h2>lead</h2>", "rule": "<h2>x</h2>"}
    page = render("monitor", {**values, "charts": [], "drift": [], "health": [], "words": {}})
    assert "<details" not in page
    assert page.count("<h2>") == 0
