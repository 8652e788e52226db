"""Errors in serving: who answers, what is refused, what is compared, what is stored."""

from tests.mutations.base import Mutation

APP = ("tests/pipelines/serving/test_app.py",)
BATCH = (*APP, "-k", "predictions_are or beside_bad or bad_row")
ENDS = (*APP, "-k", "replaced")
DIES = (*APP, "-k", "processes_die or killed")
LIMITS = (*APP, "-k", "limits")
HOSTILE = ("tests/pipelines/serving/test_hostile.py", "-m", "not slow")
FOLLOW = ("tests/pipelines/serving/test_follow.py",)
SERVICE = ("tests/pipelines/serving/test_service.py",)
STORE = ("tests/pipelines/serving/test_store.py",)
OPTIONS = ("tests/pipelines/serving/test_options.py",)
CANARY = ("tests/pipelines/serving/test_canary.py",)

MUTATIONS = [
    Mutation(
        "predict.predicted", "rows[start : start + SIZES[-1]]", "rows[: SIZES[-1]]", (*APP, "-k", "more_rows")
    ),
    Mutation(
        "Line._process",
        "            process.end()\n            raise\n",
        "            raise\n",
        (*APP, "-k", "replaced"),
    ),
    Mutation("predict._columns", "at += len(one.rows)", "at += 0", BATCH),
    Mutation("BadRows.answer", '{"row": row, "code"', '{"row": 0, "code"', (*APP, "-k", "bad_row")),
    Mutation(
        "predict._reason",
        "return kind_of(text), text",
        'return "request-invalid", text',
        (*APP, "-k", "bad_row"),
    ),
    Mutation(
        "predict.compared",
        "largest = max(largest, difference)",
        "largest = 0.0",
        (*SERVICE, "-k", "compared"),
    ),
    Mutation("predict.compared", "differing += 1", "differing += 0", (*SERVICE, "-k", "compared")),
    Mutation("serving.request._of_json", "parse_constant=_no_constant", "parse_constant=float"),
    Mutation("serving.request._of_json", "(ValueError, RecursionError)", "ValueError"),
    Mutation("serving.request._of_records", "if len(names) * len(told) > CELLS:", "if False:"),
    Mutation("serving.request.refuse_more", "rows > most", "rows >= most"),
    Mutation("serving.app._body", "if size > limits.body:", "if False:", LIMITS),
    Mutation("serving.app._body", "if service.held > limits.queued_bytes:", "if False:", LIMITS),
    Mutation("serving.app.answered", "service.held -= size", "pass", LIMITS),
    Mutation("serving.app._check_token", 'scheme.lower() != "bearer" or', "", HOSTILE),
    Mutation(
        "serving.app._check_origin",
        "if origin is not None and urlsplit(origin).netloc != host:",
        "if False:",
        HOSTILE,
    ),
    Mutation(
        "serving.app._check_origin",
        'options.token is None and not is_loopback(urlsplit(f"//{host}").hostname or "")',
        "False",
        HOSTILE,
    ),
    Mutation("Options._token_beyond_loopback", "self.token is None and", "False and", OPTIONS),
    Mutation("Line.ask", "self.queued >= self.options.limits.queue", "False", LIMITS),
    Mutation("Line._died", "if one.died >= TRIED:", "if True:", DIES),
    Mutation("Line._hand_over", "                if process.has:\n                    return\n", "", DIES),
    Mutation("Line._watch", "process.end()", "pass", (*APP, "-k", "takes_too_long")),
    Mutation(
        "Follower._swap",
        "asyncio.create_task(self._end(old))",
        "asyncio.create_task(asyncio.sleep(0))",
        FOLLOW,
    ),
    Mutation("Follower._serve", "monotonic() - trouble.since < AGAIN", "False", FOLLOW),
    Mutation("Follower._serve", "if alias != CHAMPION and line is not None:", "if line is not None:", FOLLOW),
    Mutation(
        "model_process.try_out", "if not _whole(json.loads(answer.body), predictor):", "if False:", FOLLOW
    ),
    Mutation("Service._shadow", "answer.body)", "asked.body)", SERVICE),
    Mutation("Service._given", "instead.answer.status == 200, given.seconds", "True, given.seconds", SERVICE),
    Mutation("Service._given", "return instead", "return given", SERVICE),
    Mutation("Service._canary", "self.returned is None and", "", SERVICE),
    Mutation("Service._canary", "Judge(rule), version, None", "Judge(rule), version, self.returned", SERVICE),
    Mutation("Judge.verdict", "self.champion.rate + self.rule.errors", "self.rule.errors", CANARY),
    Mutation(
        "Judge.verdict",
        "min(len(self.canary.errors), len(self.champion.errors))",
        "len(self.canary.errors)",
        CANARY,
    ),
    Mutation("Latest.add", "self.seconds.popleft()", "pass", CANARY),
    Mutation("Store._append", "if id in self._known:", "if False:", STORE),
    Mutation("Store._write", "self._spool.truncate(at)", "pass", STORE),
    Mutation("Store._freed", "if file.name in taken", "if True", STORE),
    Mutation("Store._seal", "sealed.unlink()", "pass", STORE),
    Mutation(
        "inbox_file._rows",
        "names = sorted({name for row in rows for name in row})",
        "names = sorted(rows[0])",
        STORE,
    ),
]
