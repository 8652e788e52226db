"""Where things live and what the work runs on: from SELFSUP_* variables, all paths absolute."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path, PosixPath
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    ValidationInfo,
)

from components import crash
from components.config import Config, explain, unknown
from components.cores import available
from components.data.dvc import is_foreign, whose
from components.errors import UserError

PREFIX = "SELFSUP_"
AbsolutePath = Annotated[Path, AfterValidator(lambda path: path.expanduser().absolute())]
Port = Annotated[int, Field(ge=1024, le=65535)]
BUCKET = r"^s3://[a-z0-9][a-z0-9.-]+(/[A-Za-z0-9._-]+)*$"


class Store(PosixPath):
    """The folder of finished runs, and where others find them too (None: nowhere)."""

    remote: str | None = None

    @classmethod
    def at(cls, folder: Path, remote: str | None) -> "Store":
        store = cls(folder)
        store.remote = remote
        return store

    def __reduce__(self) -> tuple[Any, ...]:
        return Store.at, (Path(self), self.remote)  # another process knows of the remote too


def make_home(home: Path) -> Path:
    """Create the home where it is missing, readable by its owner alone and ignored by git."""
    home.parent.mkdir(parents=True, exist_ok=True)
    home.mkdir(mode=0o700, exist_ok=True)
    if not (home / ".gitignore").exists():
        (home / ".gitignore").write_text("*\n")
    return home


def _place(given: object) -> str:
    """An address as it is, a folder as an absolute path."""
    text = str(given)
    return text if "://" in text else str(Path(text).expanduser().absolute())


def _address(home: Path) -> Path:
    """The home's databases are SQLite files, whose address (sqlite:///FILE) ends at a question mark."""
    if "?" in str(home):
        raise ValueError(
            f"a folder without '?' in its path is needed, got {home}; set SELFSUP_HOME to another one"
        )
    return home


def _own_root(data: Path) -> Path:
    if is_foreign(data.parent):
        raise ValueError(whose(data))
    return data


def _data(given: dict[str, Any]) -> Path:
    """Beside the user's other things; where these are a DVC project of their own, in the home."""
    return _below("home", "data")(given) if is_foreign(Path.cwd()) else Path("data")


def _store(folder: Path, info: ValidationInfo) -> Store:
    return Store.at(folder, info.data.get("store_remote"))


def _below(parent: str, *names: str) -> Callable[[dict[str, Any]], Path]:
    return lambda given: given.get(parent, Path(".selfsup")).joinpath(*names)


_database = _below("home", "mlflow", "mlflow.db")


class Settings(Config):
    """Where things lie and what the work runs on. One instance a process; stages get it in their context."""

    model_config = ConfigDict(validate_default=True)

    profile: Literal["embedded", "scaled-out"] = "embedded"
    """`embedded`: all on this machine; `scaled-out`: refuses to start on what serves one machine only."""

    home: Annotated[AbsolutePath, AfterValidator(_address)] = Path(".selfsup")
    """Folder of everything that a run writes except the data; no `?` in its path."""

    data: Annotated[AbsolutePath, AfterValidator(_own_root)] = Field(default_factory=_data)
    """Folder of shards and labels, versioned by data.dvc beside it; default: data, in a DVC project of your
    own HOME/data."""

    recipes: AbsolutePath = Path("recipes")
    """Folder of recipes."""

    user_recipes: AbsolutePath = Field(default_factory=_below("home", "recipes"))
    """Second folder of recipes, to which `selfsup init` writes; default: HOME/recipes."""

    store_remote: str | None = Field(default=None, pattern=BUCKET)
    """s3://BUCKET/PREFIX through which machines share finished runs; empty: none. Endpoint and credentials of
    this and of `dvc_remote`: AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY."""

    store: Annotated[AbsolutePath, AfterValidator(_store)] = Field(default_factory=_below("home", "store"))
    """Folder of finished runs of stages; default: HOME/store."""

    mlflow: str = Field(default_factory=lambda given: f"sqlite:///{_database(given)}", min_length=1)
    """Address of MLflow's tracking and registry; default: sqlite:///HOME/mlflow/mlflow.db."""

    mlflow_artifacts: AbsolutePath = Field(default_factory=_below("home", "mlflow", "artifacts"))
    """Folder of MLflow's artifacts, models and reports; default: HOME/mlflow/artifacts."""

    dvc_remote: Annotated[str, BeforeValidator(_place)] = Field(
        default_factory=lambda given: str(_below("home", "dvc-remote")(given))
    )
    """Folder or s3://... to which data versions are pushed; default: HOME/dvc-remote."""

    ray: str = Field(default="local", min_length=1)
    """`local` (an instance started for the run and ended after it) or the address of a cluster."""

    jobs: str | None = Field(default=None, pattern=r"^https?://.+")
    """HTTP address of a Ray cluster's job server, on which stages then run; empty: on this machine."""

    workers: NonNegativeInt = 0
    """0: training on this machine, one process for each core; n >= 1: n Ray workers."""

    cpus: PositiveInt | None = None
    """Cores that a run uses, one process each; empty: all that this process may use."""

    device: str = Field(default="auto", pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$")
    """Device of training: `auto` (a GPU if there is one), `cpu`, `mps`, `cuda` or `cuda:N`."""

    webhook: str | None = Field(default=None, pattern=r"^https?://.+")
    """Address to which failures, promotions, requests for approval and delays are posted, as JSON; empty:
    none."""

    airflow_port: Port = 8080
    """Port of Airflow's page and API on loopback, where `selfsup up` starts it."""

    mlflow_port: Port = 5000
    """Port of MLflow's page on loopback, where `selfsup up` starts it."""

    metrics_port: Port = 9108
    """Port on loopback at which `selfsup up` serves the figures of `selfsup status` to Prometheus."""

    retention_days: PositiveFloat = 30.0
    """Days for which logs, Airflow's history and the journals of single runs are kept; older journals are
    shortened to one line a run."""

    debug: bool = False
    """Show tracebacks instead of one line."""

    @property
    def cores(self) -> int:
        """How many processes may compute at the same time."""
        return self.cpus or available()

    @property
    def own(self) -> tuple[Path, ...]:
        """The folders that we write: none of them is ever part of an inbox."""
        places = (self.home, self.data, self.store, self.mlflow_artifacts, self.dvc_remote)
        return tuple(Path(place) for place in places if "://" not in str(place))

    def refuse_own(self, inbox: Path) -> None:
        """Raises:
        UserError: an inbox is one of the folders that we write.
        """
        place = inbox.resolve()
        within = any(place.is_relative_to(folder.resolve()) for folder in (self.data, self.store))
        if within or place in [folder.resolve() for folder in self.own]:
            raise UserError(
                "inbox-is-ours",
                f"inbox {inbox} is a folder that we write ourselves (home {self.home}, data {self.data}): name the"
                f" one where the samples arrive, or set SELFSUP_HOME or SELFSUP_DATA to another",
            )

    @property
    def mlflow_lock(self) -> Path:
        """Held where several processes would open MLflow's database for the first time at once."""
        return self.home / "mlflow" / "store.lock"

    @classmethod
    def load(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        """From the environment.

        Raises:
            UserError: a variable that begins with SELFSUP_ is unknown, or its value is impossible.
        """
        names = {f"{PREFIX}{field.upper()}": field for field in cls.model_fields}
        crash.asked(environ)  # a test's, no setting
        given = {
            key: value for key, value in environ.items() if key.startswith(PREFIX) and key != crash.VARIABLE
        }
        for key in given:
            if key not in names:
                raise UserError(
                    "unknown-setting",
                    f"environment: {unknown(key, list(names)).replace('key', 'variable', 1)}",
                )
        try:
            return cls.model_validate({names[key]: value for key, value in given.items() if value != ""})
        except ValidationError as error:
            raise UserError("invalid-setting", explain(error, "environment (SELFSUP_*)")) from None

    def environ(self) -> dict[str, str]:
        """The variables from which load() makes this very object: for a child process."""
        given = self.model_dump(mode="json").items()
        return {f"{PREFIX}{name.upper()}": "" if value is None else str(value) for name, value in given}
