"""Where things live and what the work runs on: from SELFSUP_* variables, all paths absolute."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field, NonNegativeInt, ValidationError

from components.config import Config, explain, unknown
from components.errors import UserError

PREFIX = "SELFSUP_"
AbsolutePath = Annotated[Path, AfterValidator(lambda path: path.expanduser().absolute())]


def _below(parent: str, *names: str) -> Callable[[dict[str, Any]], Path]:
    return lambda given: given.get(parent, Path(".selfsup")).joinpath(*names)


_database = _below("home", "mlflow", "mlflow.db")


class Settings(Config):
    """One instance a process; stages get it in their context.

    ray: "local" (an instance started for the run and ended after it) or the address of a cluster.
    workers: 0: training in the stage's own process with all cores; n >= 1: n Ray workers.
    debug: show tracebacks instead of one line.
    """

    model_config = ConfigDict(validate_default=True)

    home: AbsolutePath = Path(".selfsup")
    data: AbsolutePath = Path("data")
    recipes: AbsolutePath = Path("recipes")
    store: AbsolutePath = Field(default_factory=_below("home", "store"))
    mlflow: str = Field(default_factory=lambda given: f"sqlite:///{_database(given)}", min_length=1)
    mlflow_artifacts: AbsolutePath = Field(default_factory=_below("home", "mlflow", "artifacts"))
    dvc_remote: AbsolutePath = Field(default_factory=_below("home", "dvc-remote"))
    ray: str = Field(default="local", min_length=1)
    workers: NonNegativeInt = 0
    device: str = Field(default="auto", pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$")
    debug: bool = False

    @classmethod
    def load(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        """From the environment.

        Raises:
            UserError: a variable that begins with SELFSUP_ is unknown, or its value is impossible.
        """
        names = {f"{PREFIX}{field.upper()}": field for field in cls.model_fields}
        given = {key: value for key, value in environ.items() if key.startswith(PREFIX)}
        for key in given:
            if key not in names:
                raise UserError(f"environment: {unknown(key, list(names)).replace('key', 'variable', 1)}")
        try:
            return cls.model_validate({names[key]: value for key, value in given.items() if value != ""})
        except ValidationError as error:
            raise UserError(explain(error, "environment (SELFSUP_*)")) from None

    def environ(self) -> dict[str, str]:
        """The variables from which load() makes this very object: for a child process."""
        return {f"{PREFIX}{name.upper()}": str(value) for name, value in self.model_dump(mode="json").items()}
