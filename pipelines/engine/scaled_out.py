"""What the scaled-out profile refuses: databases and folders of one machine, open Ray, secrets that can be guessed.

Secrets are named, never shown. docker/entrypoint.py asks the same of every process of the image.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from components.errors import UserError
from pipelines.settings import Settings

SHORTEST = 16  # characters of a secret
KNOWN = ("password", "changeme", "change-me", "secret", "airflow", "admin", "example", "postgres")
KEYS = ("AIRFLOW__CORE__FERNET_KEY", "AIRFLOW__API__SECRET_KEY", "AIRFLOW__API_AUTH__JWT_SECRET")
SECRETS = (*KEYS, "AIRFLOW_ADMIN_PASSWORD", "AWS_SECRET_ACCESS_KEY", "RAY_AUTH_TOKEN")
DATABASES = (
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN",
    "AIRFLOW__CELERY__RESULT_BACKEND",
    "AIRFLOW__CELERY__BROKER_URL",
    "MLFLOW_BACKEND_STORE_URI",
    "SELFSUP_MLFLOW",
)


def refuse_unsafe(settings: Settings, environ: Mapping[str, str] = os.environ) -> None:
    """Nothing where the profile is embedded.

    Raises:
        UserError: every reason why this must not run on several machines, in one line.
    """
    if settings.profile == "scaled-out" and (found := reasons(settings, environ)):
        raise UserError(
            "unsafe-settings", f"the scaled-out profile does not start like this: {'; '.join(found)}"
        )


def reasons(settings: Settings, environ: Mapping[str, str]) -> list[str]:
    """Why a process that runs stages must not start on these settings; none where it may."""
    placed = {**environ, "SELFSUP_MLFLOW": settings.mlflow, "SELFSUP_RAY": settings.ray}
    found = [f"{name} is not set" for name in (DATABASES[0], *KEYS) if not environ.get(name)]
    found += token(environ) + weaknesses(placed)
    if settings.store_remote is None:
        found.append(
            "SELFSUP_STORE_REMOTE is not set: finished runs would stay on one machine; name s3://..."
        )
    if "://" not in settings.dvc_remote:
        found.append("SELFSUP_DVC_REMOTE is a folder of one machine; name s3://...")
    return found


def token(environ: Mapping[str, str]) -> list[str]:
    """Ray's own key: in the variable, or in a file that only its owner reads."""
    found = [] if environ.get("RAY_AUTH_MODE") else ["RAY_AUTH_MODE is not set"]
    file = environ.get("RAY_AUTH_TOKEN_PATH")
    if environ.get("RAY_AUTH_TOKEN") or (file and Path(file).is_file()):
        return found
    return [*found, "RAY_AUTH_TOKEN is not set"]


def weaknesses(environ: Mapping[str, str]) -> list[str]:
    """What is wrong with that which is given."""
    given = {name: value for name, value in environ.items() if value}
    found = []
    for name in DATABASES:
        if "sqlite" in given.get(name, "").lower():
            found.append(f"{name} is SQLite, which serves one machine only; name a server")
        found += weak(f"the password in {name}", _password(given.get(name, "")))
    for name in SECRETS:
        found += weak(name, given.get(name))
    if given.get("RAY_AUTH_MODE", "token").lower() != "token":
        found.append("RAY_AUTH_MODE must be 'token': an open Ray cluster runs anybody's code")
    if given.get("SELFSUP_RAY") == "local":
        found.append("SELFSUP_RAY is 'local'; give the address of the cluster's head, such as ray-head:6379")
    return found


def weak(what: str, secret: str | None) -> list[str]:
    if secret is None:
        return []
    if len(secret) < SHORTEST:
        return [f"{what} has {len(secret)} characters; {SHORTEST} or more are needed"]
    if any(word in secret.lower() for word in KNOWN) or len(set(secret)) < 6:
        return [f"{what} can be guessed; make a random one (python docker/new_env.py makes them all)"]
    return []


def _password(address: str) -> str | None:
    return urlsplit(address).password if "://" in address else None
