"""The image's entry point: refuses settings that are not for several machines, then becomes the command.

Nothing of ours starts on SQLite, without Ray's token, or with a secret that is short or known to everybody.
"""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

SHORTEST = 16  # characters of a secret
KNOWN = ("password", "changeme", "change-me", "secret", "airflow", "admin", "example", "postgres")
SECRETS = (
    "AIRFLOW__CORE__FERNET_KEY",
    "AIRFLOW__API__SECRET_KEY",
    "AIRFLOW__API_AUTH__JWT_SECRET",
    "AIRFLOW_ADMIN_PASSWORD",
    "AWS_SECRET_ACCESS_KEY",
    "RAY_AUTH_TOKEN",
)
DATABASES = (
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN",
    "AIRFLOW__CELERY__RESULT_BACKEND",
    "AIRFLOW__CELERY__BROKER_URL",
    "MLFLOW_BACKEND_STORE_URI",
    "SELFSUP_MLFLOW",
)
AIRFLOW = ("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", *SECRETS[:3])
STAGES = ("SELFSUP_MLFLOW", "SELFSUP_RAY", "RAY_AUTH_MODE", "RAY_AUTH_TOKEN")
NEEDED = {  # by the command's name; what is not given would be SQLite, a secret of its own, or no secret
    "airflow": AIRFLOW,
    "worker.sh": (*AIRFLOW, *STAGES),
    "selfsup": STAGES,
    "ray": ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN"),
    "mlflow": ("MLFLOW_BACKEND_STORE_URI",),
}


def mistakes(command: list[str], environ: Mapping[str, str]) -> list[str]:
    """What forbids the command to start, one line each; secrets are named, never shown."""
    given = {name: value for name, value in environ.items() if value}
    found = [f"{name} is not set" for name in NEEDED.get(Path(command[0]).name, ()) if name not in given]
    for name in DATABASES:
        if "sqlite" in given.get(name, "").lower():
            found.append(f"{name} is SQLite, which serves one machine only; name a server")
        found += _weak(f"the password in {name}", _password(given.get(name, "")))
    for name in SECRETS:
        found += _weak(name, given.get(name))
    if given.get("RAY_AUTH_MODE", "token") != "token":
        found.append("RAY_AUTH_MODE must be 'token': an open Ray cluster runs anybody's code")
    if given.get("SELFSUP_RAY") == "local":
        found.append("SELFSUP_RAY is 'local'; give the address of the cluster's head, such as ray-head:6379")
    return found


def _password(address: str) -> str | None:
    return urlsplit(address).password if "://" in address else None


def _weak(what: str, secret: str | None) -> list[str]:
    if secret is None:
        return []
    if len(secret) < SHORTEST:
        return [f"{what} has {len(secret)} characters; {SHORTEST} or more are needed"]
    if any(word in secret.lower() for word in KNOWN) or len(set(secret)) < 6:
        return [f"{what} can be guessed; make a random one (python docker/new_env.py makes them all)"]
    return []


def write_passwords(environ: dict[str, str]) -> None:
    """The one user of Airflow's simple login, from a variable that its processes then do not see."""
    password = environ.pop("AIRFLOW_ADMIN_PASSWORD", "")
    file = environ.get("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE", "")
    if password and file:
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
            json.dump({"admin": password}, stream)


def main(command: list[str]) -> None:
    """Ends as the command; exits with 2 and says why where it must not start."""
    environ = dict(os.environ)
    found = mistakes(command, environ) if command else ["no command was given"]
    if found:
        print("\n".join(f"selfsup: {line}" for line in found), file=sys.stderr)
        sys.exit(2)
    write_passwords(environ)
    os.execvpe(command[0], command, environ)


if __name__ == "__main__":
    main(sys.argv[1:])
