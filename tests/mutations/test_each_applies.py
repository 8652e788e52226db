"""Every deliberate error still applies: its text stands once in its file, and its tests are there."""

from pathlib import Path

import pytest

from tests.mutations.run import HERE, ROOT, mutations

FILES = sorted(p for p in Path(__file__).parent.glob("*.py") if p.name not in HERE)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_its_text_stands_once_and_its_tests_are_there(file):
    found = mutations(file)
    assert found
    texts = {mutation.file: (ROOT / mutation.file).read_text() for mutation in found}
    for mutation in found:
        assert texts[mutation.file].count(mutation.old) == 1, (mutation.file, mutation.old)
        paths = [argument for argument in mutation.tests if argument.startswith("tests/")]
        assert paths
        for path in paths:
            assert (ROOT / path.partition("::")[0]).exists(), path
