"""The run that nobody kills, made once for all tests of this folder and only as far as they need it."""

from collections.abc import Iterator

import pytest

from tests.crash.reference import Reference


@pytest.fixture(scope="session")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reference]:
    made = Reference(tmp_path_factory.mktemp("reference"))
    yield made
    made.pool.shutdown(cancel_futures=True)
