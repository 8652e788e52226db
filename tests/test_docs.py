"""The documentation: every link leads somewhere, every page can be found from the first one, the site is built without
a warning."""

import re
import sys
from importlib.util import find_spec
from pathlib import Path
from subprocess import run

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "docker" / "README.md",
    *ROOT.glob("docs/**/*.md"),
]
LINK = re.compile(r"\]\((?!\w+:)([^)\s]+)\)")
TOC = re.compile(r"^```\{toctree\}\n(.*?)^```", re.DOTALL | re.MULTILINE)


def text(page):
    """A page without its blocks of code."""
    return re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


def anchors(page):
    """The fragments by which headings are reached, as GitHub and MyST write them."""
    headings = re.findall(r"^#{1,4} (.+)$", text(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_a_file_and_a_heading(page):
    broken = []
    for link in LINK.findall(re.sub(r"`[^`\n]*`", "", text(page))):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def test_every_page_is_in_the_table_of_contents_once():
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    listed = [line for toc in TOC.findall(index) for line in toc.splitlines() if line and line[0] != ":"]
    pages = {str(page.relative_to(ROOT / "docs").with_suffix("")) for page in ROOT.glob("docs/**/*.md")}
    examples = {page for page in pages if page.startswith("examples/")}
    assert sorted(listed) == sorted(pages - examples - {"index"})


@pytest.mark.slow
@pytest.mark.skipif(
    find_spec("sphinx") is None, reason="the packages of docs/requirements.txt are not installed"
)
def test_the_site_is_built_without_a_warning(tmp_path):
    done = run(
        [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", ROOT / "docs", tmp_path],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
