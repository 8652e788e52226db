"""The champion as the registry knows it: which version, what digest, and its files, verified before use.

Imports no torch: who only wants to know the champion does not wait for it.
"""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

from components.config import Config
from components.errors import UserError
from components.registry.journal import CHAMPION, Journal
from components.registry.mlflow_registry import Registry

DIGEST = "selfsup.digest"
# Of the model folder (see components.registry.model), by the name that fine-tuning gives each.
FILES = {"model": "model.safetensors", "config": "model.json"}
PLACE = "artifacts/classifier"  # of the model folder in what MLflow keeps of a version


class Champion(Config):
    """digest: of the digests of the model's files, as registered. tags: of the version, see the register stage."""

    name: str
    version: str
    digest: str
    tags: dict[str, str]


def champion(registry: Registry, journal: Journal) -> Champion | None:
    """The version that the alias points at, None where no version was ever champion.

    Raises:
        UserError: there was a champion and it is gone, or the version does not say its digest.
    """
    version = registry.alias(CHAMPION)
    if version is None:
        crowned = [
            e for e in journal.entries() if e.state == "done" and e.action != "refuse" and e.to_version
        ]
        if crowned:
            raise UserError(
                "champion-deleted",
                f"{registry.name} has no champion in MLflow, and version {crowned[-1].to_version} was it by the "
                "journal: somebody deleted it or its alias; `selfsup rollback` makes the previous one champion",
            )
        return None
    tags = registry.tags(version)
    if DIGEST not in tags:
        raise UserError(
            "champion-unverified",
            f"{registry.name} version {version} is champion and has no tag {DIGEST}, so its files cannot be "
            "verified; register a model with selfsup, or roll back",
        )
    return Champion(name=registry.name, version=version, digest=tags[DIGEST], tags=tags)


def fetch(registry: Registry, found: Champion, target: Path) -> dict[str, str]:
    """The model's files in the folder `target`, which is emptied before; file name -> sha256, as verified.

    Raises:
        UserError: a file is missing in MLflow's artifacts, or their digest is not the version's.
    """
    source = str(registry.client.get_model_version(found.name, found.version).source).rstrip("/")
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for name in FILES.values():
        _download(
            registry.client, f"{source}/{PLACE}/{name}", target, f"{found.name} version {found.version}"
        )
    digests = {name: hashlib.sha256((target / name).read_bytes()).hexdigest() for name in FILES.values()}
    if (got := combined(digests)) != found.digest:
        shutil.rmtree(target)
        raise UserError(
            "digest-differs",
            f"{found.name} version {found.version}: digest {found.digest[:12]} needed, its files have "
            f"{got[:12]}: they were changed; bring {source} back from a backup, or roll back",
        )
    return digests


def combined(digests: dict[str, str]) -> str:
    """One digest (hex) for the files of a model folder. digests: file name -> sha256."""
    return hashlib.sha256(json.dumps(digests, sort_keys=True).encode()).hexdigest()


def _download(client: Any, uri: str, target: Path, who: str) -> None:
    from mlflow.artifacts import download_artifacts
    from mlflow.exceptions import MlflowException

    try:
        download_artifacts(artifact_uri=uri, dst_path=str(target), tracking_uri=client.tracking_uri)
    except (OSError, MlflowException) as error:
        reason = str(error).splitlines()[0][:160]
        raise UserError(
            "model-files-lost",
            f"{who}: its file {uri} cannot be fetched ({reason}); bring it back from a backup, or roll back",
        ) from None
