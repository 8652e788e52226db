"""docs/glossary.md: one line a term, in alphabetical order, with the whole vocabulary."""

import re
from pathlib import Path

DOCS = Path(__file__).resolve().parents[1] / "docs"
VOCABULARY = [
    "sample",
    "label",
    "snapshot",
    "split",
    "view",
    "encoder",
    "feature",
    "embedding",
    "prototype",
    "score",
    "code",
    "cluster",
    "pseudo-label",
    "confidence",
    "prediction",
    "class probabilities",
    "objective",
    "stage",
    "request",
    "output",
    "reference",
    "manifest",
    "recipe",
    "challenger",
    "champion",
    "gate check",
    "journal",
    "baseline",
    "headline metric",
    "outlier",
    "drift",
]


def test_each_term_stands_once_in_alphabetical_order_with_a_sentence():
    lines = [line for line in (DOCS / "glossary.md").read_text().splitlines() if line.startswith("- ")]
    entries = [re.fullmatch(r"- \*\*([^*]+)\*\*: (.+)\.", line) for line in lines]
    assert all(entries), [line for line, entry in zip(lines, entries, strict=True) if entry is None]
    terms = [entry[1] for entry in entries]
    assert terms == sorted(set(terms), key=str.lower)
    assert set(VOCABULARY) <= set(terms)


def test_readme_and_architecture_link_to_it():
    assert "docs/glossary.md" in (DOCS.parent / "README.md").read_text()
    assert "(glossary.md)" in (DOCS / "architecture.md").read_text()
