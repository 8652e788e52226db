"""What is asked of a job server and what is made of its answers; tests/scaled asks a real one."""

import json
from types import SimpleNamespace

import pytest
from ray.job_submission import JobStatus

from components.errors import UserError
from pipelines.engine import ray_jobs
from pipelines.engine.manifest import Identity
from pipelines.engine.ray_jobs import attempt, place, run_as_job
from pipelines.settings import Settings

IDENTITY = Identity(stage="embed", version=1, recipe="r", given={}, observed={}, code="c")


class Server:
    """Jobs by name. script: chunks of the log, or an error that following it meets."""

    def __init__(self, script, ends=JobStatus.SUCCEEDED, **known):
        self.jobs, self.script, self.ends = dict(known), script, ends
        self.asked, self.stopped, self.follows = [], [], 0

    def list_jobs(self):
        return [SimpleNamespace(submission_id=name, status=status) for name, status in self.jobs.items()]

    def submit_job(self, submission_id, **asked):
        if submission_id in self.jobs:
            raise RuntimeError("already exists")
        self.asked.append(asked)
        self.jobs[submission_id] = JobStatus.RUNNING

    async def tail_job_logs(self, name):
        self.follows += 1
        for said in list(self.script):
            if isinstance(said, BaseException):
                self.script.remove(said)
                raise said
            yield said
        self.jobs[name] = self.ends

    def get_job_info(self, name):
        return SimpleNamespace(status=self.jobs[name], message="no more\nmemory")

    def stop_job(self, name):
        self.stopped.append(name)
        self.jobs[name] = JobStatus.STOPPED


def line(**record):
    return json.dumps(record) + "\n"


@pytest.fixture
def ask(tmp_path, monkeypatch):
    settings = Settings(home=tmp_path, jobs="http://head:8265", ray="head:6379")
    told = []

    def asked(server, finished=True):
        monkeypatch.setattr(ray_jobs, "_client", lambda address: server)
        monkeypatch.setattr(ray_jobs, "PAUSE", 0.01)
        if finished:
            (settings.store / IDENTITY.reference).mkdir(parents=True, exist_ok=True)
            (settings.store / IDENTITY.reference / "manifest.json").touch()
        return run_as_job(IDENTITY, settings, "one", told.append)

    asked.told = told
    asked.name = f"selfsup-{place(settings)}-{IDENTITY.reference.replace('/', '-')}"
    return asked


DONE = line(reference=IDENTITY.reference, found=False)


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ({}, ("selfsup-0f-embed-ab-1", True)),
        ({"selfsup-0f-embed-ab-1": False}, ("selfsup-0f-embed-ab-1", False)),
        ({"selfsup-0f-embed-ab-1": True}, ("selfsup-0f-embed-ab-2", True)),
        ({"selfsup-0f-embed-ab-1": True, "selfsup-0f-embed-ab-2": False}, ("selfsup-0f-embed-ab-2", False)),
        ({"selfsup-0f-embed-abc-1": False, "selfsup-0f-embed-ab-2": True}, ("selfsup-0f-embed-ab-1", True)),
        ({"selfsup-1f-embed-ab-1": False}, ("selfsup-0f-embed-ab-1", True)),
    ],
)
def test_the_job_of_a_run(known, expected):
    assert attempt("0f", "embed/ab", known) == expected


def test_two_stores_on_one_cluster_have_jobs_of_their_own(tmp_path, monkeypatch):
    """The same stage of the same recipe, asked for from two homes."""
    server = Server([line(reference=IDENTITY.reference, found=False)])
    monkeypatch.setattr(ray_jobs, "_client", lambda address: server)
    homes = [Settings(home=tmp_path / name, jobs="http://head:8265", ray="head:6379") for name in "ab"]
    for settings in homes:
        (settings.store / IDENTITY.reference).mkdir(parents=True)
        (settings.store / IDENTITY.reference / "manifest.json").touch()
        assert run_as_job(IDENTITY, settings, "one", lambda record: None) == {"status": "ran"}
    stores = [
        json.loads(a["runtime_env"]["env_vars"][ray_jobs.VARIABLE])["settings"]["store"] for a in server.asked
    ]
    assert stores == [str(settings.store) for settings in homes]
    assert len(server.jobs) == 2


def test_where_finished_runs_lie(tmp_path):
    """Machines that share a bucket follow each other's jobs wherever their folders are; a link is no other folder."""
    (tmp_path / "link").symlink_to(tmp_path / "home")
    one, link = Settings(home=tmp_path / "home"), Settings(home=tmp_path / "link")
    here, there = (Settings(home=tmp_path / name, store_remote="s3://bucket/store") for name in "ab")
    assert place(here) == place(there) == "1ac35ceb"  # sha256 of the address
    assert place(one) == place(link) != place(Settings(home=tmp_path / "other"))


def test_what_is_asked_and_what_is_told(ask):
    server = Server(
        ["Running entrypoint\n", line(say="at work") + '{"done": 0.5,', ' "text": "half"}\n', "7\n", DONE]
    )
    assert ask(server) == {"status": "ran"}
    assert ask.told[1:] == [{"say": "at work"}, {"done": 0.5, "text": "half"}]
    (asked,) = server.asked
    assert asked["entrypoint"].endswith(" -m pipelines.engine.child")
    given = json.loads(asked["runtime_env"]["env_vars"][ray_jobs.VARIABLE])
    assert (given["settings"]["ray"], given["settings"]["jobs"], given["run"]) == ("auto", None, "one")
    assert Identity.model_validate(given["identity"]) == IDENTITY
    assert (asked["entrypoint_num_cpus"], asked["entrypoint_num_gpus"]) == (1, None)
    assert "AWS_SECRET_ACCESS_KEY" not in json.dumps(asked)


def test_a_job_that_runs_is_followed_and_one_that_failed_is_tried_again(ask):
    running = Server([DONE], **{f"{ask.name}-1": JobStatus.FAILED, f"{ask.name}-2": JobStatus.RUNNING})
    assert ask(running) == {"status": "ran"}
    assert running.asked == []
    failed = Server([DONE], **{f"{ask.name}-1": JobStatus.FAILED, f"{ask.name}-2": JobStatus.STOPPED})
    assert ask(failed) == {"status": "ran"}
    assert failed.jobs[f"{ask.name}-3"] is JobStatus.SUCCEEDED


def test_a_line_is_told_once_though_the_connection_breaks(ask):
    server = Server([line(say="one"), RuntimeError("closed"), line(say="two"), DONE])
    assert ask(server) == {"status": "ran"}
    assert server.follows == 2
    assert [record["say"] for record in ask.told[1:]] == ["one", "two"]


def test_a_server_that_stays_away_leaves_the_job_alone(ask, monkeypatch):
    monkeypatch.setattr(ray_jobs, "PATIENCE", -1.0)
    server = Server([RuntimeError("no\nroute")])
    assert ask(server)["error"].endswith("cannot be followed (no route); run again to follow it")
    assert server.stopped == []


def test_a_mistake_is_the_stages_own_word_and_a_death_is_rays(ask):
    mistake = {"error": "a spoon is needed", "code": "spoon-missing", "mistake": True}
    assert ask(Server([line(**mistake)], JobStatus.FAILED)) == mistake
    died = {"error": f"its Ray job {ask.name}-1 failed: no more memory", "passing": True}
    assert ask(Server([], JobStatus.FAILED)) == died


def test_told_to_stop_it_stops_the_job(ask):
    server = Server([line(say="one"), KeyboardInterrupt()])
    with pytest.raises(KeyboardInterrupt):
        ask(server)
    assert server.stopped == [f"{ask.name}-1"]


def test_a_result_that_cannot_be_seen_is_told(ask):
    with pytest.raises(UserError, match=r"share that folder, or set SELFSUP_STORE_REMOTE"):
        ask(Server([DONE]), finished=False)


def test_an_answer_that_comes_late_is_no_second_job(ask):
    class Late(Server):
        def submit_job(self, submission_id, **asked):
            super().submit_job(submission_id, **asked)
            raise RuntimeError("Request failed with status code 504: .")

    class Full(Server):
        def submit_job(self, submission_id, **asked):
            raise RuntimeError("Request failed with status code 500: .")

    assert ask(Late([DONE])) == {"status": "ran"}
    with pytest.raises(ConnectionError, match=r"took no job: .*500"):
        ask(Full([DONE]))
