"""Deliberate errors in the labelling page: answers on the disk, queues, vocabulary, guard, what ingest reads of it."""

from tests.mutations.base import Mutation

ANSWERS = ("tests/pipelines/labelling/test_answers.py",)
SITTING = ("tests/pipelines/labelling/test_sitting.py",)
SERVER = ("tests/pipelines/labelling/test_server.py", "-m", "not slow")
SAVINGS = ("tests/components/evaluation/labels/test_next_labels.py",)

MUTATIONS = [
    # what ingest reads
    Mutation("given_in", "if PurePosixPath(name).name.startswith(APPENDED):", "if False:", SITTING),
    Mutation("last_lines", 'row.get("id", "")', '""', SITTING),
    # answers
    Mutation("read_answers", '[: data.rfind(b"\\n") + 1]', "", ANSWERS),
    Mutation("answer_file", "or annotator in WITH_DATA", "", ANSWERS),
    Mutation(
        "Said.take", "self.last[answer.id] = answer", "self.last.setdefault(answer.id, answer)", ANSWERS
    ),
    Mutation("Said.take", 'if answer.answer == "undo":', "if False:", ANSWERS),
    Mutation("Said.take", "self.groups[-1][0] != answer.request", "True", ANSWERS),
    Mutation("Said._undo", "if held is None:", "if True:", ANSWERS),
    Mutation("Said._undo", "if not self.groups[place][1]:", "if False:", ANSWERS),
    Mutation("AnswerFile.append", "if not self.said.knows(request, row[0])", "", ANSWERS),
    Mutation("AnswerFile._write", "self._cut(handle, end)", "pass", ANSWERS),
    Mutation("AnswerFile._now", "self.said.time + timedelta(microseconds=1)", "datetime.now(UTC)", ANSWERS),
    Mutation("AnswerFile._cut_torn_line", 'data.rfind(b"\\n") + 1', "len(data)", ANSWERS),
    Mutation("AnswerFile._cut", "if end == 0:", "if False:", ANSWERS),
    Mutation(
        "AnswerFile.__init__", "fcntl.LOCK_EX | fcntl.LOCK_NB", "fcntl.LOCK_SH | fcntl.LOCK_NB", ANSWERS
    ),
    Mutation("answers.of_others", "if file != own", "", ANSWERS),
    # agreement and benefit
    Mutation("annotator_agreement", "if own[id] and other[id]", ""),
    Mutation("annotator_agreement", "place[other[id]]]", "place[own[id]]]"),
    Mutation("next_labels.expected", "np.log(sizes[-1] + more)", "np.log(more)", SAVINGS),
    Mutation("next_labels.expected", "min(free, len(T)) - 1", "0", SAVINGS),
    Mutation("next_labels.expected", "free = len(sizes) - 2", "free = len(sizes)", SAVINGS),
    Mutation("next_labels.expected", "or max(accuracy) >= 1", "", SAVINGS),
    # queues
    Mutation("Queue.first", "id not in self._skipped and", ""),
    Mutation("Queue.skip", "self._skipped.pop(id, None)", "pass"),
    Mutation("Queue.left", "id in self._all for id in closed", "1 for id in closed"),
    Mutation("queues.is_open", "id not in said.last and", ""),
    Mutation("is_shared", "2**32", "2**36"),
    Mutation("next_order", "if id in there", "", SITTING),
    Mutation(
        "doubted_order",
        "and catalogue.label(one.id) == one.label",
        "and not catalogue.label(one.id)",
        SITTING,
    ),
    # vocabulary
    Mutation("Vocabulary._refuse_unreadable", "0 < len(found) <= LONGEST", "0 < len(found)"),
    Mutation("Vocabulary._refuse_unreadable", '("Cc", "Zl", "Zp")', '("Cc",)'),
    Mutation("Vocabulary._refuse_unreadable", "alike(name) == alike(found)", "False"),
    Mutation(
        "Vocabulary._refuse_unreadable", "any(read[name] != name for name in names)", "read[found] != found"
    ),
    Mutation("Vocabulary._refuse_unreadable", "found.casefold() in self._unlabelled or", ""),
    Mutation("Vocabulary._number", "self._style or likelier([found])", '"."'),
    # what is shown
    Mutation("Sitting.undo", "or self._said.knows_request(request)", "", SITTING),
    Mutation("Sitting._before", 'if id in self._catalogue else ""', 'if False else ""', SITTING),
    Mutation("Sitting._differs", 'labels - {""}', "labels", SITTING),
    Mutation("Sitting._is_open", "id not in self._reviewed and", "", SITTING),
    Mutation("Sitting.sheet", 'self._is_open("next", id)', "True", SITTING),
    Mutation("Advice.review", ' if row["split"] == "train"', "", SITTING),
    Mutation("Catalogue.label", "self._task.config.anomalies if place else", "", SITTING),
    Mutation("Advice.nearest", "np.argsort(-near", "np.argsort(near", SITTING),
    Mutation("catalogue.row_table", "<td>{escape(value)}</td>", "<td>{value}</td>"),
    Mutation("Retraining.state", "if working and run == self._before:", "if False:"),
    # guard
    Mutation("Access.refusal", "if host not in self.hosts:", "if False:", SERVER),
    Mutation("Access.refusal", 'method in SAFE and path == "/" and', 'path == "/" and', SERVER),
    Mutation("Access.refusal", 'method in SAFE and path == "/" and', "method in SAFE and", SERVER),
    Mutation("Access.refusal", 'headers.get("origin", "").lower() != f"http://{host}"', "False", SERVER),
    Mutation("Access.refusal", '!= "same-origin"', '== "cross-site"', SERVER),
    Mutation("Access.refusal", '.lower() != "application/json"', '.lower() == "text/html"', SERVER),
    Mutation("Access._is_token", "compare_digest(text.encode(), self.token.encode())", "True", SERVER),
    Mutation("guard._body", "if size > LARGEST:", "if False:", SERVER),
    Mutation("Guard._cookie", "; HttpOnly; SameSite=Strict", "", SERVER),
    Mutation("_add_static", "if name not in FILES:", "if False:", SERVER),
]
