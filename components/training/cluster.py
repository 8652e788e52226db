"""The one door to Ray: an instance for as long as it is needed, and a function run on its training workers.

Written for Ray 2.60 (Train V2). Checkpoints are ours and lie in the stage's folder, on storage that all
workers share: Ray restarts workers that die, and they resume exactly where the newest checkpoint was taken.
"""

import importlib
import json
import logging
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from components.cores import ONE_THREAD, available
from components.errors import UserError, as_record, from_record

Record = dict[str, Any]
Tell = Callable[[Record], None]  # from the first worker to whoever started the run; JSON values
Loop = Callable[[Record, Tell], Record]  # what each worker runs: (config, tell) -> result of JSON values

RESTARTS = 3  # of the worker group, before a death is the run's
SOCKET = 35  # characters that a Unix socket's 107 leave for the folder
QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_TRAIN_METRICS_ENABLED": "0",
    "RAY_DISABLE_IMPORT_WARNING": "1",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_DATA_DISABLE_PROGRESS_BARS": "1",
    "RAY_worker_niceness": "0",  # it would be 15: beside any other work, nothing of ours would get done
}


@contextmanager
def instance(address: str, home: Path, *, cpus: int | None = None) -> Iterator[Any]:
    """The ray module, connected; ends only the instance that it started.

    Args:
        address: "local" for an instance of one's own, else a running cluster's.
        home: its logs go to home/ray and are removed when all went well; else `selfsup gc` takes them.
        cpus: how many a local instance has to give away; None: all.
    """
    for name, value in {**QUIET, **ONE_THREAD}.items():
        os.environ.setdefault(name, value)
    import ray

    if ray.is_initialized():  # somebody else's, who will end it
        yield ray
        return
    found = [str(Path(__file__).resolve().parents[2]), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    # Workers inherit it.
    os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(path for path in found if path))
    options: Record = {"log_to_driver": False, "logging_level": logging.ERROR}
    folder = None
    if address == "local":
        folder = _logs(home)
        options.update(
            num_cpus=cpus, include_dashboard=False, object_store_memory=128 << 20, _temp_dir=str(folder)
        )
    ray.init(address=address, **options)
    try:
        yield ray
    finally:
        ray.shutdown()
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):  # there is none where the folder lay there itself
            (home / "ray" / folder.name).unlink()


def _logs(home: Path) -> Path:
    """A new folder, below home unless that makes the names of sockets too long; then a link there names it."""
    below = home / "ray"
    below.mkdir(parents=True, exist_ok=True)
    if len(str(below)) + 10 <= SOCKET:
        return Path(tempfile.mkdtemp(prefix="", dir=below))
    folder = Path(tempfile.mkdtemp(prefix="selfsup-ray-"))
    (below / folder.name).symlink_to(folder)
    return folder


def run_on_workers(
    loop: Loop,
    config: Record,
    *,
    workers: int,
    name: str,
    storage: Path,
    home: Path,
    address: str = "local",
    hear: Tell = lambda record: None,
) -> Record:
    """Run `loop` on every worker under Ray Train; returns what the first one's returned.

    Args:
        loop: a module's function. Under several workers torch.distributed is initialised when it is called.
        config: what it is handed, JSON values.
        workers: how many, at least 1.
        name: of the run; must carry the key, for Ray does not train again under a finished name.
        storage: the stage's folder, on storage that all workers share.
        hear: called here, in order, with what the first worker tells.

    Raises:
        UserError, Collapse: as raised in `loop`; these are not retried.
        ray.train.TrainingFailedError: workers died more often than `RESTARTS`, or `loop` failed otherwise.
    """
    file = storage / "told.jsonl"
    with instance(address, home, cpus=max(available(), workers)) as ray, _listening(file, hear):
        have = ray.cluster_resources()
        gpu = have.get("GPU", 0) >= workers
        resources: Record = {"GPU": 1} if gpu else {}
        resources["CPU"] = max(1, int(have.get("CPU", workers)) // workers) if address == "local" else 1
        given = {"loop": f"{loop.__module__}:{loop.__qualname__}", "config": config, "file": str(file)}
        result = _fit(
            _work, given, workers, {"use_gpu": gpu, "resources_per_worker": resources}, name, storage
        )
    if "error" in result:
        raise from_record(result)
    done: Record = result["done"]
    return done


def _fit(
    work: Callable[[Record], Record], config: Record, workers: int, scaling: Record, name: str, storage: Path
) -> Record:
    from ray.train import FailureConfig, RunConfig, ScalingConfig
    from ray.train.torch import TorchTrainer
    from ray.train.v2.api.config import LoggingConfig

    for noisy in ("ray.train", "ray.train.v2.api.config"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    place = storage / "ray"
    trainer = TorchTrainer(
        work,
        train_loop_config=config,
        scaling_config=ScalingConfig(num_workers=workers, **scaling),
        run_config=RunConfig(
            name=name,
            storage_path=str(place),
            failure_config=FailureConfig(max_failures=RESTARTS),
            logging_config=LoggingConfig(log_level="ERROR"),
        ),
    )
    result = trainer.fit()
    shutil.rmtree(place, ignore_errors=True)
    done: Record = result.return_value
    return done


def _work(given: Record) -> Record:
    """On a worker: the loop; its words go to the shared file, a user's mistake comes back as a value."""
    from components.collectives import rank

    module, _, function = given["loop"].partition(":")
    loop: Loop = getattr(importlib.import_module(module), function)

    def tell(record: Record) -> None:
        if rank() == 0:
            with open(given["file"], "a") as stream:
                stream.write(json.dumps(record) + "\n")

    try:
        return {"done": loop(given["config"], tell)}
    except UserError as error:  # raised as it is, Ray would start the workers again
        return {**as_record(error)}


@contextmanager
def _listening(file: Path, hear: Tell) -> Iterator[None]:
    """Hand on every line that is appended to `file` from now to the end of the block."""
    file.touch()
    start, over, failures = file.stat().st_size, threading.Event(), list[Exception]()

    def listen() -> None:
        with file.open() as stream:
            stream.seek(start)
            half, last = "", False
            while not last:
                last = over.is_set()
                for line in stream:
                    half += line
                    if half.endswith("\n"):
                        hear(json.loads(half))
                        half = ""
                over.wait(0.2)

    def listen_and_tell() -> None:
        try:
            listen()
        except Exception as error:  # a full disk, say; raised below, in the thread that waits
            failures.append(error)

    thread = threading.Thread(target=listen_and_tell, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        file.unlink(missing_ok=True)
    if failures:
        raise failures[0]
