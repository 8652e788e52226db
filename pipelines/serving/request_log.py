"""The log of requests: a JSON line each, without what was sent or predicted; bounded by rotation."""

import json
import logging
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

BYTES, FILES = 10_000_000, 5  # of a file, and how many older ones are kept


class RequestLog:
    """Appends to `file`."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self.file = file
        self._handler = RotatingFileHandler(file, maxBytes=BYTES, backupCount=FILES, encoding="utf-8")
        self._logger = logging.Logger("requests")
        self._logger.addHandler(self._handler)

    def write(self, **told: Any) -> None:
        """One line; a full disk loses it, not the request."""
        self._logger.info("%s", json.dumps(told))

    def close(self) -> None:
        self._handler.close()
