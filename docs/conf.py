"""The documentation as a site, `make docs`: the pages of docs/, the README as the first one, and the API."""

import sys
from pathlib import Path

from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "pipelines" / "api")]

project = "selfsup"
html_title = "selfsup"
html_theme = "furo"
html_show_copyright = False
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 4
exclude_patterns = ["examples/**", "requirements.txt"]
default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_class_signature = "separated"
add_module_names = False

ELSEWHERE = {
    "README.md": "index",
    "CONTRIBUTING.md": "contributing",
    "CHANGELOG.md": "changelog",
    "docker/README.md": "scaled-out",
}
"""File outside of docs/ -> page that includes it."""


def elsewhere(app: Sphinx, path: Path, page: str, content: list[str]) -> None:
    """Links of an included file to another one that is included become links to its page."""
    for file, own in ELSEWHERE.items():
        content[0] = content[0].replace(f"]({file})", f"]({own}.md)")


def setup(app: Sphinx) -> None:
    app.connect("include-read", elsewhere)
