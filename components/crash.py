"""Points at which a process ends itself, so that a test can kill a run exactly there and look what is left.

SELFSUP_CRASH=NAME kills the process that comes to the point NAME, NAME:3 when it comes there for the third time;
without the variable a point does nothing. It is SIGKILL: no handler runs, nothing is flushed, as in a power cut.
"""

import os
import signal
from collections import Counter
from collections.abc import Mapping

from components.config import unknown
from components.errors import UserError

VARIABLE = "SELFSUP_CRASH"

# Each point and what is so there; it stands in the code once. The first word is the stage, or who writes.
POINTS: dict[str, str] = {
    "store.output": "the stage has run, its manifest is not written",
    "store.manifest": "the manifest is written, the folder has not got its name",
    "store.renamed": "the folder has its name, nobody was told",
    "share.begun": "nothing of the run is in the bucket that machines share",
    "share.file": "one of the run's files is in the bucket, others are not",
    "share.files": "the run's files are in the bucket, its record is not",
    "share.record": "the run's record is in the bucket, the folder has not got its name",
    "run.before": "a line of the run's journal is not written",
    "run.after": "a line of the run's journal is written",
    "mirror.begun": "MLflow's parent run is made, nothing is in it",
    "mirror.stage": "MLflow shows one stage more, and does not know that it is whole",
    "mirror.ended": "MLflow shows the run's end, and does not know that it is whole",
    "ingest.written": "a shard is written beside its place",
    "ingest.shards": "shards are in their places, the index does not name them",
    "ingest.labels": "labels are written, the index does not name them",
    "ingest.index": "the new index is written beside the old one",
    "ingest.indexed": "the index names a delivery, the next one follows",
    "snapshot.added": "data.dvc names the version, the remote does not have it",
    "snapshot.pushed": "the remote has the version, nothing is packed",
    "snapshot.packed": "table and images are written",
    "plan.read": "champion and snapshot are read, nothing is decided",
    "train.step": "a step of a training is done and not saved",
    "train.checkpoint": "a checkpoint is written beside its place",
    "train.saved": "a checkpoint is in its place, the clock beside it is an older one",
    "pretrain.trained": "the last checkpoint is written, the encoder is not exported",
    "embed.range": "one range of features is written, others are not",
    "pseudo_label.written": "pseudo-labels are written, centroids are not",
    "finetune.between": "one of the trainings is over, the next follows",
    "evaluate.measured": "all is measured, no prediction is written",
    "register.run": "MLflow has the run",
    "register.model": "MLflow has the logged model, without its files",
    "register.files": "the logged model has its files and is not ready",
    "register.version": "the version is made, no alias points at it",
    "register.alias": "the version is the challenger, its run is not ended",
    "promote.begun": "the journal says that a move has begun, no alias has moved",
    "promote.champion": "champion has moved, previous has not",
    "promote.previous": "both aliases have moved, the journal does not say so",
    "promote.done": "the move is in the journal, the version has no verdict",
    "forget.begun": "what is to go is written down, nothing is gone",
    "forget.index": "the data folder's index is without the sample, the files that held it are there",
    "forget.folder": "the data folder is without the sample, the cache of files and the versions are not",
    "forget.version": "a version without the sample is made, those with it are there",
    "forget.erased": "the versions with the sample are gone, no model is marked",
    "forget.marked": "models are marked, the copies in MLflow are there",
    "forget.recorded": "it is recorded that something was forgotten, the runs are there",
    "forget.run": "one of the runs is gone, others are not",
    "forget.runs": "all is gone, what was to go is still written down",
    "report.written": "the page is written, the report is not finished",
    "score.partition": "one partition of predictions is written, others are not",
    "monitor.written": "the page is written, the stage is not finished",
}

_came: Counter[str] = Counter()  # how often this process came to a point that is asked for
_above: list[int] = []  # processes that a power cut takes too


def dies_too(pid: int) -> None:
    """A point that ends this process ends that one as well: it was forked from it for a part of its work."""
    _above[:] = [pid]


def point(name: str) -> None:
    """Ends this process here if SELFSUP_CRASH asks for it.

    Raises:
        UserError: SELFSUP_CRASH asks for a point that there is not.
    """
    assert name in POINTS, f"{name} is not in the table of points"
    wanted = asked(os.environ)
    if wanted is None or wanted[0] != name:
        return
    _came[name] += 1
    if _came[name] == wanted[1]:
        for pid in (*_above, os.getpid()):
            os.kill(pid, signal.SIGKILL)


def asked(environ: Mapping[str, str]) -> tuple[str, int] | None:
    """The point at which to end, and the how-many-eth time: "train.step:3" is ("train.step", 3).

    Raises:
        UserError: there is no such point, or the number is none.
    """
    given = environ.get(VARIABLE)
    if not given:
        return None
    name, colon, number = given.partition(":")
    if name not in POINTS:
        raise UserError(
            "invalid-setting",
            f"environment: {VARIABLE}: {unknown(name, list(POINTS)).replace('key', 'point', 1)}",
        )
    if colon and not (number.isascii() and number.isdigit() and int(number)):
        raise UserError(
            "invalid-setting",
            f"environment: {VARIABLE}: a point, or point:N with N from 1 on, needed, got {given!r}",
        )
    return name, int(number or 1)
