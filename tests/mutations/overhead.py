"""Deliberate errors in what saves a run its overhead: the fork server, facts kept on the disk, MLflow's file."""

from tests.mutations.base import Mutation

DIGEST = ("tests/pipelines/engine/test_code_digest.py", "-k", "text_of_an_error or docstring_of_a_field")


def forked(name: str) -> tuple[str, ...]:
    return ("tests/pipelines/engine/test_stage_process.py", "-k", name)


MUTATIONS = [
    Mutation("code_cache.keep_in", 'if found["made_by"] == _made_by():', "if True:"),
    Mutation("code_cache.save", "_kept if len(_kept) <= MOST else", "_kept if True else"),
    Mutation("code_digest._facts", ".encode() + text).hexdigest()", ".encode()).hexdigest()", DIGEST),
    Mutation("mlflow_file.read", "!= [(SCHEMA,)]", "== []"),
    Mutation("mlflow_file._read", " and current_stage != 'Deleted_Internal'", ""),
    Mutation("ancestry._read", ' or (recipe and seen.experiment != "active")', ""),
    Mutation("ancestry._read", "return _last_champion(model, settings)", "return {}"),
    Mutation("fork_server._run", "os.setsid()", "pass", forked("forks_of_one_server")),
    Mutation("fork_server._unsafe", "> 1:", "> 99:", forked("begins_a_thread")),
    Mutation(
        "fork_server.main", "PR_SET_CHILD_SUBREAPER, 1", "PR_SET_CHILD_SUBREAPER, 0", forked("outlives")
    ),
    Mutation("fork_server._end_of", "    _end_children(0.0)\n", "", forked("outlives")),
    Mutation("Fork._code", "-signal.SIGKILL if told is None", "0 if told is None", forked("takes_its_stage")),
    Mutation(
        "stage_process._Server.fork", " or self.process.poll() is not None", "", forked("takes_its_stage")
    ),
]
