"""The door to MLflow: one way to open its database, one way to register a model version.

MLflow's own registry has no "create unless it is there", and opening one new SQLite file from several
processes at once breaks it; both are mended here with a file lock. Version tags carry the reference of the
stage that made the version: a stage that was killed after creating it finds it again.
"""

import gc
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlparse
from uuid import uuid4

from components.errors import PassingError, UserError
from components.files import locked

REFERENCE, REQUEST = "selfsup.reference", "selfsup.request"
ENVIRONMENT = {  # read by MLflow when it is imported
    "MLFLOW_DISABLE_TELEMETRY": "true",  # nothing leaves the machine unless asked for
    "MLFLOW_UV_AUTO_DETECT": "false",  # a model's requirements are given, never found out
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
}


def connect(uri: str, lock: Path) -> Any:
    """An MlflowClient on a database whose tables exist.

    Args:
        uri: sqlite:///FILE, another database, or the http address of a server.
        lock: file that all processes on this machine share.

    Raises:
        UserError: the database cannot be opened, or another MLflow wrote it.
    """
    import_mlflow()
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    if (address := urlparse(uri)).scheme == "sqlite":
        Path(address.path[1:]).parent.mkdir(parents=True, exist_ok=True)
    with locked(lock), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow calls what SQLAlchemy will drop
        try:
            with _no_collection():  # it imports its stores
                client = MlflowClient(tracking_uri=uri, registry_uri=uri)
            client.search_experiments(max_results=1)  # both stores make their tables when first asked
            client.search_registered_models(max_results=1)
        except (MlflowException, SQLAlchemyError) as error:
            served = address.scheme in ("http", "https")
            mends = (
                "run again when its server is back"
                if served
                else f"`mlflow db upgrade {shown(uri)}` mends an older database"
            )
            passing = served or "locked" in str(error)
            text = f"MLflow at {shown(uri)}: {str(error).splitlines()[0]:.300}; {mends}"
            raise (
                PassingError("mlflow-unavailable", text) if passing else UserError("mlflow-unavailable", text)
            ) from None
    return client


def import_mlflow() -> None:
    """What connect() needs of MLflow, for a process that is forked: 1.1 s of processor time."""
    for key, value in ENVIRONMENT.items():
        os.environ.setdefault(key, value)
    with _no_collection(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow calls what SQLAlchemy will drop
        import mlflow.store.tracking.sqlalchemy_store  # noqa: F401


def shown(uri: str) -> str:
    """An address as it may stand in a message or a log: postgresql://ana:***@db/mlflow."""
    secret = urlparse(uri).password
    return uri.replace(f":{secret}@", ":***@", 1) if secret else uri


@contextmanager
def _no_collection() -> Iterator[None]:
    """MLflow's imports make millions of objects that stay: looking for garbage among them takes a sixth longer."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def experiment(client: Any, name: str, artifacts: Path, lock: Path) -> str:
    """Id of the experiment, made where it is missing and restored with its runs where it was deleted; a server
    decides itself where artifacts lie.

    Raises:
        UserError: it was deleted and MLflow does not restore it.
    """
    from mlflow.exceptions import MlflowException

    with locked(lock):
        found = client.get_experiment_by_name(name)
        if found is not None:
            if is_deleted(client, name):
                try:
                    client.restore_experiment(found.experiment_id)
                except MlflowException as error:
                    raise UserError(
                        "experiment-deleted",
                        f"the experiment {name} is deleted in MLflow and cannot be restored "
                        f"({str(error).splitlines()[0]:.200}); restore or rename it in MLflow, and run again",
                    ) from None
            return str(found.experiment_id)
        remote = urlparse(client.tracking_uri).scheme in ("http", "https")
        return str(client.create_experiment(name, None if remote else (artifacts / name).absolute().as_uri()))


def make_run(client: Any, where: str, name: str, tags: Mapping[str, str], started: int | None = None) -> str:
    """Id of a new run, and of one alone: where the answer to a request is lost, MLflow's client asks again, and a
    server that heard both has made two. Both have the token of that request, which no other run has.

    started: milliseconds since 1970; None: now.
    """
    token = uuid4().hex
    made = client.create_run(where, start_time=started, run_name=name, tags={**tags, REQUEST: token})
    for run in client.search_runs([where], f"tags.`{REQUEST}` = {quoted(token)}"):
        if run.info.run_id != made.info.run_id:
            client.delete_run(run.info.run_id)
    return str(made.info.run_id)


def quoted(value: str) -> str:
    """A value in a search filter. MLflow knows no escape, so a quote is refused."""
    if "'" in value:
        raise UserError("invalid-name", f"a name without quotes needed, got {value!r}")
    return f"'{value}'"


def is_deleted(client: Any, name: str) -> bool:
    """Whether somebody has deleted the experiment, as the button on MLflow's page does; see experiment()."""
    found = client.get_experiment_by_name(name)
    return found is not None and found.lifecycle_stage == "deleted"


class Registry:
    """The versions of one registered model."""

    def __init__(self, client: Any, name: str, lock: Path) -> None:
        self.client, self.name, self.lock = client, name, lock

    def find(self, reference: str) -> Any | None:
        """The version that the stage run `reference` has made, None where there is none."""
        text = f"name = {quoted(self.name)} and tag.`{REFERENCE}` = {quoted(reference)}"
        found = self.client.search_model_versions(text)
        return min(found, key=lambda version: int(version.version), default=None)

    def register(
        self, reference: str, *, source: str, run_id: str, model_id: str, tags: Mapping[str, str]
    ) -> str:
        """The version of this reference, created unless it exists: any number of calls, one version."""
        from mlflow.exceptions import MlflowException

        with locked(self.lock):
            if (found := self.find(reference)) is not None:
                return str(found.version)
            try:
                self.client.get_registered_model(self.name)
            except MlflowException as error:
                if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                    raise
                self.client.create_registered_model(self.name)
            # version and tags are written in one transaction: no crash leaves a version without its reference
            made = self.client.create_model_version(
                self.name, source, run_id=run_id, model_id=model_id, tags={**tags, REFERENCE: reference}
            )
            return str(made.version)

    def versions(self) -> list[str]:
        """All versions, oldest first; none where nothing was registered under this name."""
        found = self.client.search_model_versions(f"name = {quoted(self.name)}")
        return sorted((str(version.version) for version in found), key=int)

    def exists(self, version: str) -> bool:
        """Whether there is such a version: somebody may have deleted it."""
        return self._version(version) is not None

    def tags(self, version: str) -> dict[str, str]:
        """Tags of a version.

        Raises:
            UserError: there is no such version.
        """
        found = self._version(version)
        if found is None:
            known = ", ".join(self.versions())
            what = f"its versions: {known}" if known else "nothing is registered under this name"
            raise UserError("no-such-version", f"{self.name} has no version {version}; {what}")
        return dict(found.tags)

    def set_tags(self, version: str, tags: Mapping[str, str | None]) -> None:
        """Set tags of a version; None takes one away."""
        for key, value in tags.items():
            if value is None:
                self.client.delete_model_version_tag(self.name, version, key)
            else:
                self.client.set_model_version_tag(self.name, version, key, value)

    def alias(self, alias: str) -> str | None:
        """The version that `alias` points at."""
        from mlflow.exceptions import MlflowException

        try:
            aliases = self.client.get_registered_model(self.name).aliases
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return None
        version = aliases.get(alias)
        return None if version is None else str(version)

    def aliases(self, version: str) -> list[str]:
        """Every alias that points at an existing version, sorted."""
        named = dict(self.client.get_registered_model(self.name).aliases)
        return sorted(alias for alias, pointed in named.items() if str(pointed) == version)

    def set_alias(self, alias: str, version: str | None) -> None:
        """Point `alias` at a version; None takes it away."""
        if version is None:
            self.client.delete_registered_model_alias(self.name, alias)
        else:
            self.client.set_registered_model_alias(self.name, alias, version)

    def _version(self, version: str) -> Any | None:
        from mlflow.exceptions import MlflowException

        try:
            return self.client.get_model_version(self.name, version)
        except MlflowException as error:
            if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                raise
            return None
