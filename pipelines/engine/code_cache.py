"""What was read from modules' sources, kept between processes: HOME/cache/code.json.

An entry is found by the digest of the source's bytes, so it cannot be out of date: reading and hashing all sources
takes milliseconds, parsing them seconds. The file is discarded where other code, or another Python, wrote it. Without
keep_in(), or where the folder cannot be written, nothing is kept.
"""

import contextlib
import hashlib
import json
import os
import sys
from functools import cache
from pathlib import Path
from typing import Any

from components import source

MOST = 2000  # entries of the file; with more of them, only those of this process are written
_file: Path | None = None
_kept: dict[str, Any] = {}
_used: set[str] = set()  # what this process has read or made
_changed = False


def keep_in(home: Path) -> None:
    """From now on entries are read from, and written to, this home."""
    global _file, _changed
    file = home / "cache" / "code.json"
    if file == _file:
        return
    _file, _changed = file, False
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError):  # not there, torn, or no mapping
        found = json.loads(file.read_bytes())
        if found["made_by"] == _made_by():
            _kept.update(found["entries"])


def find(key: str) -> Any | None:
    """The entry of this key; None where there is none."""
    _used.add(key)
    return _kept.get(key)


def put(key: str, entry: Any) -> None:
    """Add an entry, JSON values only; save() writes it."""
    global _changed
    _kept[key], _changed = entry, True
    _used.add(key)


def save() -> None:
    """Write what is new. Of two processes that save at the same time one file stays, whole."""
    global _changed
    if _file is None or not _changed:
        return
    entries = _kept if len(_kept) <= MOST else {key: _kept[key] for key in _used & _kept.keys()}
    part = _file.with_name(f".{_file.name}.{os.getpid()}.part")
    with contextlib.suppress(OSError):
        _file.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(json.dumps({"made_by": _made_by(), "entries": entries}))
        part.replace(_file)
    _changed = False


@cache
def _made_by() -> str:
    """Digest of the code that makes entries, and of what it parses with."""
    code = [Path(__file__).with_name("code_digest.py"), Path(source.__file__)]
    made = b"".join(file.read_bytes() for file in code) + sys.version.encode()
    return hashlib.sha256(made).hexdigest()
