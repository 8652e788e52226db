"""What annotators answered: one append-only file of JSON lines for each annotator, in the recipe's inbox.

    labels-by-NAME.jsonl    {"id", "label", "annotator", "time", "answer", "request"} a line

Ingest reads these files as label files in which the last line of a sample counts (components.data.label_files). A line
is on the disk (fsync) before its answer is confirmed. A request that comes again, after a lost reply or a restart,
adds no line that is there. An answer is undone by a further line, which names the label that holds again.
"""

import fcntl
import json
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from components.data.label_files import APPENDED
from components.data.labels import WITH_DATA
from components.errors import UserError
from components.files import fsync

ANNOTATOR = re.compile(r"\w[\w.-]{0,63}")
Kind = Literal["label", "unsure", "undo"]


@dataclass(frozen=True)
class Answer:
    """A line of the file. label: "" where none holds. time: ISO 8601 in UTC. answer: `label` (one was given), `unsure`
    (the annotator cannot tell) or `undo` (the last one is taken back; `label` held before it). request: of the page;
    the answers of one request are undone together."""

    id: str
    label: str
    annotator: str
    time: str
    answer: Kind
    request: str

    @property
    def moment(self) -> datetime:
        return datetime.fromisoformat(self.time)


def answer_file(inbox: Path, annotator: str) -> Path:
    """The file of an annotator.

    Raises:
        UserError: the name cannot be that of a file, or means labels that came with the data.
    """
    if not ANNOTATOR.fullmatch(annotator) or annotator in WITH_DATA:
        raise UserError(
            "invalid-option",
            "--annotator needs a name of at most 64 letters, digits, '.', '-' and '_' that is neither "
            f"{' nor '.join(WITH_DATA)}, got {annotator!r:.80}",
        )
    return inbox / f"{APPENDED}{annotator}.jsonl"


def read_answers(file: Path) -> list[Answer]:
    """The whole lines of a file, in order; a line that a kill cut short was never confirmed and is left out.

    Raises:
        UserError: a line is not one of the labelling page's.
    """
    data = file.read_bytes() if file.exists() else b""
    lines = data[: data.rfind(b"\n") + 1].splitlines()
    try:
        return [Answer(**json.loads(line)) for line in lines]
    except (TypeError, ValueError) as error:
        raise UserError(
            "label-file-invalid",
            f"{file} must hold the labelling page's own lines ({error!s:.120}); move it away, or give another "
            "--annotator",
        ) from None


class Said:
    """What an annotator's answers come to.

    last: id -> the answer that holds, which may be `unsure`. groups: of each request that was not undone its ids, in
    order: the last is undone first. time: of the latest line.
    """

    def __init__(self, answers: Iterable[Answer] = ()) -> None:
        self.last: dict[str, Answer] = {}
        self.groups: list[tuple[str, list[str]]] = []
        self.time = datetime.min.replace(tzinfo=UTC)
        self._before: dict[
            str, list[Answer | None]
        ] = {}  # id -> what held before each answer that was not undone
        self._known: set[tuple[str, str]] = set()
        self._requests: set[str] = set()
        for answer in answers:
            self.take(answer)

    @property
    def labels(self) -> dict[str, str]:
        """Id -> label, of the samples that have one."""
        return {id: answer.label for id, answer in self.last.items() if answer.label}

    def knows(self, request: str, id: str) -> bool:
        """Whether there is a line of this request for the sample."""
        return (request, id) in self._known

    def knows_request(self, request: str) -> bool:
        """Whether there is any line of this request."""
        return request in self._requests

    def before(self, id: str) -> Answer | None:
        """What held before the last answer on a sample; None: there was no answer."""
        return self._before[id][-1]

    def take(self, answer: Answer) -> None:
        """Add a line."""
        self._known.add((answer.request, answer.id))
        self._requests.add(answer.request)
        self.time = max(self.time, answer.moment)
        if answer.answer == "undo":
            self._undo(answer.id)
            return
        self._before.setdefault(answer.id, []).append(self.last.get(answer.id))
        self.last[answer.id] = answer
        if not self.groups or self.groups[-1][0] != answer.request:
            self.groups.append((answer.request, []))
        self.groups[-1][1].append(answer.id)

    def _undo(self, id: str) -> None:
        if not self._before.get(id):
            return
        held = self._before[id].pop()
        if held is None:
            del self.last[id]
        else:
            self.last[id] = held
        place = next(k for k in reversed(range(len(self.groups))) if id in self.groups[k][1])
        self.groups[place][1].remove(id)
        if not self.groups[place][1]:
            del self.groups[place]


class AnswerFile:
    """An annotator's file, to which this process alone appends. It is made by the first answer, as ingest refuses an
    empty label file; the lock is a hidden file beside it, which ingest passes over.

    said: what its lines come to.

    Raises:
        UserError: it cannot be written, is not the page's own, or another page is open for this annotator.
    """

    def __init__(self, inbox: Path, annotator: str) -> None:
        self.file, self.annotator = answer_file(inbox, annotator), annotator
        self.said = Said(read_answers(self.file))
        try:
            self._lock = os.open(inbox / f".{self.file.stem}.lock", os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise UserError(
                "folder-not-writable",
                f"labels are written to {self.file}, which cannot be written: {error.strerror}; give the user who runs "
                "this the right to write the inbox",
            ) from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise UserError(
                "folder-in-use",
                f"a labelling page of annotator {annotator} is open already: use that one, or give another --annotator",
            ) from None
        self._cut_torn_line()

    def close(self) -> None:
        os.close(self._lock)

    def append(self, rows: Sequence[tuple[str, str]], answer: Kind, request: str) -> int:
        """Add a line for each (id, label) that this request has not added yet; how many were added.

        All are on the disk when this returns, or none counts.

        Raises:
            OSError: they could not be written.
        """
        new = [row for row in rows if not self.said.knows(request, row[0])]
        if not new:
            return 0
        made = [Answer(id, label, self.annotator, self._now(), answer, request) for id, label in new]
        self._write("".join(json.dumps(asdict(one), ensure_ascii=False) + "\n" for one in made).encode())
        for one in made:
            self.said.take(one)
        return len(made)

    def _write(self, text: bytes) -> None:
        """Add a text, or leave the file as it was."""
        handle = os.open(self.file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
        end = os.fstat(handle).st_size
        try:
            left = text
            while left:
                left = left[os.write(handle, left) :]
            os.fsync(handle)
            if end == 0:
                fsync(self.file.parent)  # its name
        except OSError:
            self._cut(handle, end)
            raise
        finally:
            os.close(handle)

    def _now(self) -> str:
        """The time, later than that of the last line. Never a whole second, which would be written without a fraction
        and so not sort as text."""
        moment = max(datetime.now(UTC), self.said.time + timedelta(microseconds=1))
        if moment.microsecond == 0:
            moment += timedelta(microseconds=1)
        return moment.replace(tzinfo=None).isoformat() + "Z"

    def _cut_torn_line(self) -> None:
        """What a kill left of a line that was never confirmed goes, or ingest could not read the file."""
        data = self.file.read_bytes() if self.file.exists() else b"\n"
        if not data.endswith(b"\n"):
            handle = os.open(self.file, os.O_RDWR)
            self._cut(handle, data.rfind(b"\n") + 1)
            os.close(handle)

    def _cut(self, handle: int, end: int) -> None:
        """Take away what lies beyond the first `end` bytes, and the file where nothing is left."""
        os.ftruncate(handle, end)
        if end == 0:
            self.file.unlink()


def of_others(inbox: Path, own: Path) -> dict[str, Said]:
    """Annotator -> what it comes to, of the other annotators' files in an inbox."""
    files = [file for file in sorted(inbox.glob(f"{APPENDED}*.jsonl")) if file != own]
    return {file.stem.removeprefix(APPENDED): Said(read_answers(file)) for file in files}
