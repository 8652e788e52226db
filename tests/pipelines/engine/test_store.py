import json
import multiprocessing
import os
import sys
import time
import types
from pathlib import Path

import pytest
from pydantic import Field

from components.config import Config
from components.errors import UserError
from pipelines.engine import code_digest, store
from pipelines.engine.artifact import Artifact
from pipelines.engine.context import Context, append_metrics, read_metrics
from pipelines.engine.run_once import identify, run_once
from pipelines.settings import Settings


class Request(Config):
    size: int
    name: str = "a"


class Output(Config):
    file: Artifact


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path)


@pytest.fixture
def stage(monkeypatch):
    """A stage in memory. calls: what each run found in its folder."""
    made = types.ModuleType("pipelines.stages.fake")
    made.Request, made.Output, made.calls, made.fails, made.version, made.code = (
        Request,
        Output,
        [],
        False,
        1,
        "c",
    )

    def run(request, folder, context):
        made.calls.append(sorted(path.name for path in folder.iterdir()))
        (folder / "a.bin").write_bytes(bytes(request.size))
        if made.fails:
            raise RuntimeError("power cut")
        context.log(1, loss=2.0)
        return Output(file=Artifact.of(folder / "a.bin", folder))

    made.run = run
    monkeypatch.setitem(sys.modules, "pipelines.stages.fake", made)
    monkeypatch.setattr(code_digest, "version", lambda name: made.version)
    monkeypatch.setattr(code_digest, "code_digest", lambda name, given: made.code)
    monkeypatch.setattr(code_digest, "observes", lambda name: hasattr(made, "observe"))
    return made


@pytest.fixture
def run(stage, settings):
    def once(given, recipe="r"):
        return run_once(identify("fake", given, settings, recipe), settings)

    return once


def test_the_same_request_runs_once_and_says_so(stage, run):
    reference, found = run({"size": 3})
    assert not found
    assert run({"size": 3}) == (reference, True)
    assert len(stage.calls) == 1
    assert reference.startswith("fake/")
    assert len(reference) == len("fake/") + 16


def test_whatever_it_depends_on_gives_another_key(stage, run):
    keys = {run({"size": 3})[0], run({"size": 4})[0], run({"size": 3}, "other")[0]}
    stage.version = 2
    keys.add(run({"size": 3})[0])
    stage.code = "d"
    keys.add(run({"size": 3})[0])
    stage.observe = lambda request, settings: {"inbox": "1"}
    keys.add(run({"size": 3})[0])
    stage.observe = lambda request, settings, recipe: {"inbox": "2" + recipe}
    keys.add(run({"size": 3})[0])
    assert len(keys) == len(stage.calls) == 7


def test_the_order_of_the_recipe_file_does_not_matter(run):
    assert run({"size": 3, "name": "b"})[0] == run({"name": "b", "size": 3})[0]


def test_a_failed_run_is_no_result_and_its_retry_sees_its_files(stage, run, settings):
    stage.fails = True
    with pytest.raises(RuntimeError):
        run({"size": 3})
    identity = identify("fake", {"size": 3}, settings, "r")
    assert not store.is_finished(identity.reference, settings.store)
    assert not [p for p in (settings.store / "fake").iterdir() if not p.name.startswith(".")]
    stage.fails = False
    assert run({"size": 3}) == (identity.reference, False)
    assert stage.calls == [[], ["a.bin"]]
    assert not store.part_of(identity.reference, settings.store).exists()


def test_the_manifest_is_written_after_everything_else_is_on_the_disk(run, settings, monkeypatch):
    order = []
    fsync, rename = os.fsync, Path.rename

    def noted(handle):
        order.append(os.path.basename(os.readlink(f"/proc/self/fd/{handle}")))
        fsync(handle)

    def renamed(part, final):
        order.append("renamed")
        return rename(part, final)

    monkeypatch.setattr(os, "fsync", noted)
    monkeypatch.setattr(Path, "rename", renamed)
    reference, _ = run({"size": 3})
    part = next(i for i, name in enumerate(order) if name.endswith(".part"))
    places = [
        order.index("a.bin"),
        order.index("manifest.json"),
        part,
        order.index("renamed"),
        order.index("fake"),
    ]
    assert places == sorted(places)
    assert order.count("manifest.json") == 1
    manifest = json.loads((settings.store / reference / "manifest.json").read_text())
    assert manifest["request"] == {"size": 3, "name": "a"}
    assert manifest["given"] == {"size": 3}


def test_the_request_can_be_read_again_where_a_field_has_another_name_in_a_recipe(stage, run, settings):
    class Aliased(Request):
        registered: str = Field(alias="register")

    stage.Request = Aliased
    reference, _ = run({"size": 3, "register": "register/0"})
    request = store.read_manifest(reference, settings.store).request
    assert request == {"size": 3, "name": "a", "register": "register/0"}
    assert Aliased.model_validate(request).registered == "register/0"


def test_the_output_comes_back_as_its_own_type(run, settings):
    reference, _ = run({"size": 3})
    context = Context(store=settings.store, settings=settings, recipe="r")
    output = context.output(reference)
    assert isinstance(output, Output)
    assert context.file(reference, output.file).read_bytes() == bytes(3)
    assert store.read_manifest(reference, settings.store).output["file"]["bytes"] == 3


def test_a_file_that_was_changed_afterwards_is_refused(run, settings):
    reference, _ = run({"size": 3})
    artifact = store.read_output(reference, settings.store).file
    (settings.store / reference / "a.bin").write_bytes(b"xyz")  # of the same length
    context = Context(store=settings.store, settings=settings, recipe="r")
    with pytest.raises(UserError, match="not what its manifest says"):
        context.file(reference, artifact)
    (settings.store / reference / "a.bin").unlink()
    with pytest.raises(UserError, match="missing"):
        context.file(reference, artifact)
    deep = Artifact(
        path="model/a.bin", sha256="", bytes=0
    )  # what is to be removed is the run, not its subfolder
    with pytest.raises(UserError, match=f"remove {settings.store / reference} and run again"):
        context.file(reference, deep)


def test_a_run_that_is_done_but_for_its_name_is_not_run_again(stage, run, settings, monkeypatch):
    monkeypatch.setattr(Path, "rename", lambda part, final: (_ for _ in ()).throw(RuntimeError("power cut")))
    with pytest.raises(RuntimeError):
        run({"size": 3})
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "pipelines.stages.fake", stage)
    for name, value in (("version", stage.version), ("code_digest", stage.code), ("observes", False)):
        monkeypatch.setattr(code_digest, name, lambda *given, value=value: value)
    reference, found = run({"size": 3})
    assert (store.is_finished(reference, settings.store), found, len(stage.calls)) == (True, False, 1)
    part = store.part_of(identify("fake", {"size": 4}, settings, "r").reference, settings.store)
    part.mkdir()
    (part / "manifest.json").write_text('{"torn":')  # written again, by a run
    assert run({"size": 4})[1] is False
    assert len(stage.calls) == 2


@pytest.mark.parametrize("given", [{}, {"size": "x"}, {"size": 1, "nmae": "b"}])
def test_wrong_requests_are_one_line_and_leave_nothing(run, settings, given):
    with pytest.raises(UserError, match="recipe r, fake: ") as caught:
        run(given)
    assert "\n" not in str(caught.value)
    assert not list((settings.store / "fake").glob(".*.part"))


def test_an_unknown_reference_is_refused(settings):
    with pytest.raises(UserError, match="no finished run 'fake/0'"):
        store.read_manifest("fake/0", settings.store)


def _slow(settings, queue):
    def slow(request, folder, context):
        time.sleep(0.3)
        queue.put("ran")
        return Output(file=Artifact(path="x", sha256="", bytes=0))

    sys.modules["pipelines.stages.fake"].run = slow
    queue.put(run_once(identify("fake", {"size": 3}, settings, "r"), settings))


def test_two_processes_at_once_run_it_once(stage, settings):
    fork = multiprocessing.get_context("fork")
    queue = fork.SimpleQueue()
    both = [fork.Process(target=_slow, args=(settings, queue)) for _ in range(2)]
    for process in both:
        process.start()
    told = [queue.get() for _ in range(3)]
    for process in both:
        process.join()
    assert told.count("ran") == 1
    assert sorted(found for _, found in (t for t in told if t != "ran")) == [False, True]


def test_metrics_of_a_resumed_run_are_counted_once(tmp_path):
    append_metrics(tmp_path, {"step": 1, "loss": 3.0})
    append_metrics(tmp_path, {"step": 2, "loss": 2.0})
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 3, "lo')  # the kill
    append_metrics(tmp_path, {"step": 2, "loss": 2.5})
    append_metrics(tmp_path, {"step": 2, "system/cpu": 9.0})
    append_metrics(tmp_path, {"step": 3, "loss": 1.0})
    lines = read_metrics(tmp_path)
    assert [(m["step"], m["loss"]) for m in lines if "loss" in m] == [(1, 3.0), (2, 2.5), (3, 1.0)]
    assert [m["system/cpu"] for m in lines if "system/cpu" in m] == [9.0]
