from pathlib import Path
from typing import Any

import pytest

from tests.pipelines.serving.serving import home
from tests.pipelines.stages import crowned


@pytest.fixture(scope="session")
def mlflow_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return crowned.empty_mlflow(tmp_path_factory.mktemp("mlflow"))


@pytest.fixture
def context(tmp_path: Path, mlflow_template: Path) -> Any:
    """A home with a champion, version 1 of the model toys."""
    made = home(tmp_path, mlflow_template)
    crowned.crown(made, 0, **{"selfsup.data": "abc.dir"})
    return made
