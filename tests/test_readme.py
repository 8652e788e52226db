"""What README and CHANGELOG count, and where they point."""

import re
from pathlib import Path

from components.objectives import OBJECTIVES
from components.semisupervised import METHODS

ROOT = Path(__file__).resolve().parent.parent
README, CHANGES = (ROOT / name for name in ("README.md", "CHANGELOG.md"))


def test_objectives_and_methods_are_counted_right():
    assert f"{len(OBJECTIVES)} objectives, {len(METHODS)} semi-supervised methods" in README.read_text()
    assert f"- {len(OBJECTIVES)} objectives (" in CHANGES.read_text()
    assert f" and {len(METHODS)} semi-supervised methods" in CHANGES.read_text()


def test_every_page_that_the_readme_names_is_there():
    places = re.findall(r"\]\(([^)#]+)\)", README.read_text())
    assert len(places) > 10
    assert [place for place in places if not (ROOT / place).is_file()] == []
