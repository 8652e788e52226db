"""One annotator at work on one recipe: what is shown, what an answer does, and how far the labelling is.

Not for several threads at once: the server takes `lock` around each call.
"""

from collections import Counter
from collections.abc import Sequence
from threading import Lock
from typing import Any

from components.errors import UserError
from components.tasks.registry import build_task
from pipelines.engine.context import Context
from pipelines.labelling.advice import Advice, Hint, newest_advice
from pipelines.labelling.agreement import annotator_agreement
from pipelines.labelling.answers import AnswerFile, Said, of_others
from pipelines.labelling.catalogue import Catalogue
from pipelines.labelling.queues import QUEUES, Queue, doubted_order, is_open, next_order
from pipelines.labelling.retrain import Retraining
from pipelines.labelling.vocabulary import Vocabulary
from pipelines.recipe import Recipe
from pipelines.settings import Settings
from pipelines.stages import ingest

LARGE, SMALL = 512, 64  # pixels of a sample and of a thumbnail
SHEET = 48  # samples of a cluster that are labelled at once
NEAREST = 4

Payload = dict[str, Any]  # JSON values


class Sitting:
    """overlap: share of the samples about which every annotator is asked.

    Raises:
        UserError: the recipe's task has no labels that can be given here, there are no samples yet, or the inbox cannot
            be written.
    """

    def __init__(self, recipe: Recipe, settings: Settings, annotator: str, overlap: float) -> None:
        self.lock = Lock()
        self.recipe, self.annotator, self._overlap = recipe, annotator, overlap
        request = ingest.Request.model_validate(recipe.request("ingest", {}))
        task = build_task(request.task)
        if task.masks or not task.takes_labels or request.labels_from is None:
            raise UserError(
                "task-not-labelled",
                f"selfsup label needs a recipe whose labels are classes or numbers; {recipe.name} has the task "
                f"{task.config.name} and ingest.labels_from {request.labels_from}, which take none on a page",
            )
        settings.refuse_own(recipe.inbox)
        self._task, self._unlabelled = task, request.unlabelled
        self._context = Context(store=settings.store, settings=settings, recipe=recipe.name)
        self.retraining = Retraining(recipe, settings)
        self._load()
        self._file = AnswerFile(recipe.inbox, annotator)
        self._since = self._said.time  # of the last line before this sitting
        self._reviewed: set[str] = set()
        self._look_at_others()

    def close(self) -> None:
        self._file.close()

    @property
    def _said(self) -> Said:
        return self._file.said

    def _load(self) -> None:
        """Read what the newest snapshot and the newest report give."""
        self._stamp = self._stamp_of_store()
        self._catalogue = Catalogue(self._context, self._task)
        self._advice: Advice | None = newest_advice(self._context)
        counts = self._catalogue.counts()
        self.vocabulary = Vocabulary(self._task, self._unlabelled, counts, self._catalogue.style)
        self._counts = counts
        self._queues = {
            "next": Queue(next_order(self._catalogue, self._advice)),
            "doubted": Queue(doubted_order(self._catalogue, self._advice)),
            "disputed": Queue(()),
        }

    def refresh(self) -> None:
        """Take up a snapshot or a report that was finished since, and what other annotators answered."""
        if self._stamp != self._stamp_of_store():
            self._load()
        self._look_at_others()

    def _stamp_of_store(self) -> tuple[int, ...]:
        """Changes when a run is finished: the folders of runs get an entry."""
        folders = [self._context.store / stage for stage in ("snapshot", "report")]
        return tuple(folder.stat().st_mtime_ns if folder.exists() else 0 for folder in folders)

    def _look_at_others(self) -> None:
        self._others = of_others(self.recipe.inbox, self._file.file)
        for said in (self._said, *self._others.values()):
            for label in said.labels.values():
                if self.vocabulary.kind == "open" and label not in self.vocabulary.classes:
                    self.vocabulary.classes.append(label)
        disputed = [id for id in self._said.last if id in self._catalogue and self._differs(id)]
        if any(id not in self._queues["disputed"] for id in disputed):
            self._queues["disputed"] = Queue([*self._queues["disputed"].ids, *disputed])

    def _differs(self, id: str) -> bool:
        """Whether another annotator gave a sample another label than this one."""
        labels = {said.last[id].label for said in (self._said, *self._others.values()) if id in said.last}
        return len(labels - {""}) > 1

    def _is_open(self, queue: str, id: str) -> bool:
        if queue == "next":
            return is_open(id, self._said, self._others.values(), self._overlap)
        if queue == "disputed":
            return id not in self._reviewed and self._differs(id)
        begun = self._advice.time if self._advice else 0.0
        last = self._said.last.get(id)
        return last is None or last.moment.timestamp() < begun

    # -- what is shown

    def sample(self, queue: str) -> Payload | None:
        """The next sample of a queue, None where it is done."""
        id = self._queue(queue).first(lambda id: self._is_open(queue, id))
        return None if id is None else self.shown(id)

    def shown(self, id: str) -> Payload:
        """All that the page shows of a sample. Of one that is held out for testing no prediction, so that its label
        does not depend on the model that is measured by it."""
        testing = self._catalogue.for_testing(id)
        hint = self._advice.hint(id) if self._advice else Hint()
        prediction = "" if testing else self._doubt(id) or hint.prediction
        name, delivery = self._catalogue.name(id)
        return {
            "id": id,
            "html": self._catalogue.html(id, LARGE, whole=True),
            "name": name,
            "delivery": delivery,
            "use": "testing" if testing else "training",
            "prediction": prediction,
            "confidence": hint.confidence if prediction == hint.prediction and prediction else None,
            "cluster": None if testing else hint.cluster,
            "why": hint.why or "drawn at random from the samples without a label",
            "label": self._catalogue.label(id),
            "said": self._statements(id),
            "nearest": [] if testing else self._nearest(id),
        }

    def _doubt(self, id: str) -> str:
        """The likelier class of a label that may be wrong, "" of other samples."""
        doubted = self._advice.doubted if self._advice else []
        return next((one.likely for one in doubted if one.id == id), "")

    def _statements(self, id: str) -> list[Payload]:
        """What the annotators say of a sample of which this one has said something."""
        said = {self.annotator: self._said, **self._others}
        if id not in self._said.last:
            return []
        return [
            {"annotator": name, "label": one.last[id].label or "cannot tell"}
            for name, one in said.items()
            if id in one.last
        ]

    def _nearest(self, id: str) -> list[Payload]:
        if self._advice is None:
            return []
        table = self._catalogue.table
        labelled = table.ids[(table.label >= 0) & (table.split == "train")].tolist()
        ids = self._advice.nearest(id, labelled, NEAREST)
        return [
            {"html": self._catalogue.html(one, SMALL), "label": self._catalogue.label(one)} for one in ids
        ]

    def sheet(self, cluster: int) -> Payload:
        """The samples of a cluster that have no answer yet, the most typical first; as many as are labelled at once."""
        members = self._advice.members(cluster) if self._advice else []
        open_ids = [id for id in members if id in self._queues["next"] and self._is_open("next", id)]
        shown = [{"id": id, "html": self._catalogue.html(id, SMALL)} for id in open_ids[:SHEET]]
        return {"cluster": cluster, "samples": shown, "left": len(open_ids) - len(shown)}

    # -- what an answer does

    def answer(self, request: str, queue: str, id: str, text: str | None) -> None:
        """One label; None: the annotator cannot tell.

        Raises:
            UserError: there is no such sample, or the text is no label.
            OSError: it could not be written.
        """
        self._queue(queue)
        label = self._readable([id], text)
        self._file.append([(id, label)], "label" if label else "unsure", request)
        if queue == "disputed":
            self._reviewed.add(id)

    def label_all(self, request: str, ids: Sequence[str], text: str) -> None:
        """One label for several samples that were looked at together; raises as `answer` does."""
        label = self._readable(ids, text)
        self._file.append([(id, label) for id in dict.fromkeys(ids)], "label", request)

    def _readable(self, ids: Sequence[str], text: str | None) -> str:
        if foreign := next((id for id in ids if id not in self._catalogue), None):
            raise UserError(
                "no-such-sample", f"{self.recipe.name} has no sample {foreign!r:.80}; load the page again"
            )
        return "" if text is None else self.vocabulary.label(text)

    def undo(self, request: str) -> list[str]:
        """Take back the last answer, with all labels that were given at once; the ids concerned, none where there is no
        answer. A request that comes again does nothing."""
        groups = self._said.groups
        if not groups or self._said.knows_request(request):
            return []
        ids = list(groups[-1][1])
        held = [(id, before.label if (before := self._said.before(id)) else self._before(id)) for id in ids]
        self._file.append(held, "undo", request)
        self._reviewed.difference_update(ids)
        return [id for id in ids if id in self._catalogue]

    def _before(self, id: str) -> str:
        """The label that a sample has without this annotator's answer."""
        return self._catalogue.label(id) if id in self._catalogue else ""

    def skip(self, queue: str, id: str) -> None:
        """Show a sample later."""
        if id in self._queue(queue):
            self._queues[queue].skip(id)

    def _queue(self, name: str) -> Queue:
        if name not in self._queues:
            raise UserError("unknown-name", f"queue: one of {', '.join(QUEUES)} is needed, got {name!r:.40}")
        return self._queues[name]

    # -- how far it is

    def progress(self) -> Payload:
        """Figures of the labelling, and the state of the training."""
        own = self._said.labels
        new = Counter(label for id, label in own.items() if id in self._queues["next"])
        expected = self._advice.expected() if self._advice else None
        return {
            "sitting": sum(answer.moment > self._since for answer in self._said.last.values()),
            "own": len(own),
            "data": self._catalogue.labelled(),
            "classes": [
                {"name": name, "data": self._counts.get(name, 0), "new": new[name]}
                for name in self.vocabulary.classes
            ],
            "queues": {name: self._left(name) for name in QUEUES},
            "agreement": [self._agreement(name, said) for name, said in self._others.items()],
            "expected": None if expected is None else vars(expected),
            "run": self.retraining.state(),
            "report": None if self._advice is None else self._advice.reference,
        }

    def _left(self, name: str) -> int:
        queue = self._queues[name]
        if name != "next":
            return sum(self._is_open(name, id) for id in queue.ids)
        others = {id for said in self._others.values() for id in said.last}
        return queue.left({id for id in self._said.last.keys() | others if not self._is_open("next", id)})

    def _agreement(self, name: str, said: Said) -> Payload:
        found = annotator_agreement(name, self._said.labels, said.labels)
        return {
            "annotator": name,
            "both": found.both,
            "same": found.same,
            "kappa": None if self.vocabulary.kind == "number" else found.kappa,
        }
