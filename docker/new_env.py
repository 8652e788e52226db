"""Writes docker/.env: env.example with a fresh random value for every secret. Never overwrites one."""

import base64
import os
import re
import secrets
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def filled(example: str) -> str:
    """Each line NAME= gets a value; comments and values that are there stay."""

    def value(match: re.Match[str]) -> str:
        name = match[1]
        if name == "AIRFLOW_FERNET_KEY":  # 32 bytes in this very form
            return f"{name}={base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()}"
        return f"{name}={secrets.token_hex(24)}"  # hex: it stands in addresses, unquoted

    return re.sub(r"^([A-Z][A-Z0-9_]*)=$", value, example, flags=re.MULTILINE)


def main(folder: Path = HERE) -> int:
    text = filled((folder / "env.example").read_text())
    try:
        handle = os.open(folder / ".env", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        print(f"{folder / '.env'} is there already; its secrets are in use, so it stays", file=sys.stderr)
        return 1
    with os.fdopen(handle, "w") as stream:
        stream.write(text)
    print(f"{folder / '.env'} written, readable by you alone")
    return 0


if __name__ == "__main__":
    sys.exit(main())
