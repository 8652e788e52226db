"""Where a model's process begins. Imports nothing heavy: the server names this function without importing torch."""

import socket
from pathlib import Path

PRELOADED = ["pipelines.serving.model_process"]  # by the fork server, once


def main(end: socket.socket, folder: Path, sha256: dict[str, str], most: int, batch: int) -> None:
    """See model_process.main."""
    from pipelines.serving import model_process  # torch, 2 s, which the fork server has imported

    model_process.main(end, folder, sha256, most, batch)
