"""The process of one version of a model: one thread, which loads the model, tries it, and answers batches.

It is forked from a process that has imported torch already (multiprocessing's fork server), so that a version is
loaded in a fraction of a second and a process that was killed is replaced as fast. It ends when its socket does.
"""

import gc
import json
import logging
import signal
import socket
import sys
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from components.errors import UserError, as_record
from components.registry.predictor import Predictor
from components.registry.served import load_model
from pipelines.serving import frames
from pipelines.serving.answer import Asked, question_of, replies
from pipelines.serving.predict import SIZES, answers
from pipelines.serving.request import JSON

CHUNK = 1 << 18  # bytes that are received at a time
log = logging.getLogger(__name__)


class Inbox:
    """The requests that a socket brings."""

    def __init__(self, end: socket.socket) -> None:
        self.end, self._held, self._waiting = end, bytearray(), deque[frames.Frame]()

    def take(self, most: int) -> list[frames.Frame] | None:
        """Half of the requests that are here, one at least: while they are predicted, the answers to the ones before
        are on their way and more come. Waits where there are none; None where the other side is gone."""
        while not self._waiting:
            if not self._receive(0):
                return None
        while self._receive(socket.MSG_DONTWAIT):
            pass
        return [self._waiting.popleft() for _ in range(min(most, (len(self._waiting) + 1) // 2))]

    def _receive(self, flags: int) -> bool:
        """Whether anything came."""
        try:
            data = self.end.recv(CHUNK, flags)
        except BlockingIOError:
            return False
        self._held += data
        while (message := frames.decode(self._held)) is not None:
            self._waiting.append(message)
        return bool(data)


def main(end: socket.socket, folder: Path, sha256: Mapping[str, str], most: int, batch: int) -> None:
    """Serve until the other side is gone.

    Args:
        end: of a pair. folder: of the model's files, and of example.json where the version has one.
        sha256: of the files, as verified when they were fetched. most: rows of a request.
        batch: requests that are predicted together.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all; the server ends this process
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    torch.set_num_threads(1)
    with end:
        try:
            predictor = Predictor(load_model(folder, sha256))
            try_out(predictor, folder, most)
        except UserError as error:
            end.sendall(frames.encode({"failed": as_record(error)}))
            return
        except Exception as error:
            log.exception("the model cannot be loaded")
            failed = UserError(
                "model-does-not-load", f"{folder.name}: {type(error).__name__}: {error!s:.200}"
            )
            end.sendall(frames.encode({"failed": as_record(failed)}))
            return
        gc.freeze()
        columns = list(predictor.modality.columns)
        end.sendall(frames.encode({"ready": True, "columns": columns, "kind": predictor.packing.name}))
        inbox = Inbox(end)
        while (messages := inbox.take(batch)) is not None:
            asked = [question_of(*message) for message in messages]
            found = answers(predictor, [one for one, _ in asked], most, any(keep for _, keep in asked))
            end.sendall(frames.encode(*replies(found)))


def try_out(predictor: Predictor, folder: Path, most: int) -> None:
    """Predict the version's own example, in batches of all sizes: what each of them needs (kernels that are made for
    it, 10 ms a size with a small network) no request has to wait for.

    Raises:
        UserError: the model does not predict it, or predicts numbers that are none.
    """
    file = folder / "example.json"
    if not file.is_file():
        return
    for size in SIZES:
        answer = answers(predictor, [Asked(JSON, file.read_bytes())] * size, most)[0]
        if answer.status != 200:
            reason = json.loads(answer.body)["error"]["message"]
            raise UserError(
                "model-does-not-load", f"{folder.name}: its own example is not predicted: {reason}"
            )
        if not _whole(json.loads(answer.body), predictor):
            raise UserError(
                "model-does-not-load",
                f"{folder.name}: predictions of its own example must be finite, got NaN",
            )


def _whole(rows: list[dict[str, Any]], predictor: Predictor) -> bool:
    """Whether each column that has to has a value, in each row."""
    needed = set(predictor.model.outputs) - set(predictor.model.nullable)
    return all(_known(row[name]) for row in rows for name in needed)


def _known(value: Any) -> bool:
    return all(map(_known, value)) if isinstance(value, list) else value is not None
