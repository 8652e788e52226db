"""Every deliberate error still applies: its text stands once in its definition, and its tests are there."""

from pathlib import Path

import pytest

from tests.mutations.names import Tree
from tests.mutations.run import HERE, ROOT, mutations

FILES = sorted(p for p in Path(__file__).parent.glob("*.py") if p.name not in HERE)


@pytest.fixture(scope="module")
def tree() -> Tree:
    return Tree(ROOT)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_its_text_stands_once_and_its_tests_are_there(file, tree):
    found = mutations(file)
    assert found
    for mutation in found:
        place, text = tree.broken(mutation)
        assert text != tree.sources[place].text
        paths = [argument for argument in tree.tests(mutation) if argument.startswith("tests/")]
        assert paths
        for path in paths:
            assert (ROOT / path.partition("::")[0]).exists(), path
