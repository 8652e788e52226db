"""The image's entry point: refuses settings that are not for several machines, then becomes the command.

Nothing of ours starts on SQLite, without Ray's token, or with a secret that is short or known to everybody.
"""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from pipelines.engine.scaled_out import DATABASES, KEYS, weaknesses

AIRFLOW = (DATABASES[0], *KEYS)
STAGES = ("SELFSUP_MLFLOW", "SELFSUP_RAY", "SELFSUP_STORE_REMOTE", "RAY_AUTH_MODE", "RAY_AUTH_TOKEN")
NEEDED = {  # by the command's name; what is not given would be SQLite, a secret of its own, or no secret
    "airflow": AIRFLOW,
    "worker.sh": (*AIRFLOW, *STAGES),
    "selfsup": STAGES,
    "ray": ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN"),
    "mlflow": ("MLFLOW_BACKEND_STORE_URI",),
}


def mistakes(command: list[str], environ: Mapping[str, str]) -> list[str]:
    """What forbids the command to start, one line each; secrets are named, never shown."""
    needed = NEEDED.get(Path(command[0]).name, ())
    return [f"{name} is not set" for name in needed if not environ.get(name)] + weaknesses(environ)


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
