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
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import torch

from components.errors import UserError, as_record
from components.registry.predictor import Predictor
from components.registry.served import load_model
from pipelines.serving.answer import Asked, questions_of, replies
from pipelines.serving.frames import encode, read
from pipelines.serving.predict import SIZES, answers
from pipelines.serving.request import JSON

log = logging.getLogger(__name__)


def main(end: socket.socket, folder: Path, sha256: Mapping[str, str], most: int) -> None:
    """Serve until the other side is gone.

    Args:
        end: of a pair. folder: of the model's files, and of example.json where the version has one.
        sha256: of the files, as verified when they were fetched. most: rows of a request.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all; the server ends this process
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    torch.set_num_threads(1)
    with end, end.makefile("rb") as given, end.makefile("wb") as told:
        began = time.perf_counter()
        try:
            predictor = Predictor(load_model(folder, sha256))
            try_out(predictor, folder, most)
        except UserError as error:
            send(told, {"failed": as_record(error)})
            return
        except Exception as error:
            log.exception("the model cannot be loaded")
            failed = UserError(
                "model-does-not-load", f"{folder.name}: {type(error).__name__}: {error!s:.200}"
            )
            send(told, {"failed": as_record(failed)})
            return
        gc.freeze()
        columns = list(predictor.modality.columns)
        send(told, {"ready": time.perf_counter() - began, "columns": columns, "kind": predictor.packing.name})
        while (message := read(given)) is not None:
            asked, keep = questions_of(*message)
            told.write(encode(*replies(answers(predictor, asked, most, keep))))
            told.flush()


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


def send(stream: BinaryIO, header: Mapping[str, Any]) -> None:
    stream.write(encode(header))
    stream.flush()
