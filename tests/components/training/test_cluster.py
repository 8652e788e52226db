"""The door to Ray: results, words and mistakes come back; the dead are replaced; others' Ray is left alone."""

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from components.errors import Collapse, UserError
from components.training import cluster
from components.training.cluster import Record, Tell, instance, run_on_workers


def double(config: Record, tell: Tell) -> Record:
    tell({"say": "at work"})
    tell({"step": 1, "figures": {"loss": 2.0}})
    return {"twice": 2 * config["x"]}


def collapses(config: Record, tell: Tell) -> Record:
    (Path(config["folder"]) / f"called-{time.time_ns()}").touch()
    raise Collapse("representation-collapsed", "dead; try a smaller learning rate")


def dies_once(config: Record, tell: Tell) -> Record:
    mark = Path(config["folder"]) / "mark"
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return {"pid": os.getpid()}


def test_a_worker_hands_a_users_mistake_back_as_a_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Raised on the worker, Ray would start it again and again. (Tests' modules have no importable name.)"""
    loops = SimpleNamespace(collapses=collapses, double=double)
    monkeypatch.setitem(sys.modules, "loops", loops)  # type: ignore[arg-type]
    file = tmp_path / "told.jsonl"
    given = {"config": {"folder": str(tmp_path), "x": 1}, "file": str(file)}
    error = cluster._work({**given, "loop": "loops:collapses"})
    text = "dead; try a smaller learning rate"
    assert error == {"error": "Collapse", "code": "representation-collapsed", "text": text}
    assert cluster._work({**given, "loop": "loops:double"}) == {"done": {"twice": 2}}
    assert file.read_text() == '{"say": "at work"}\n{"step": 1, "figures": {"loss": 2.0}}\n'


def test_words_come_in_order_and_whole_even_when_a_line_arrives_in_pieces(
    tmp_path: Path, eventually: Callable[[Callable[[], bool]], None]
) -> None:
    file, heard = tmp_path / "told.jsonl", list[Record]()
    file.write_text('{"old": 1}\n')  # of the attempt before
    with cluster._listening(file, heard.append):
        with file.open("a") as stream:
            for piece in ('{"n": 1}\n{"n"', ": 2}", "\n"):
                stream.write(piece)
                stream.flush()
                time.sleep(0.25)
        eventually(lambda: len(heard) == 2)
        with file.open("a") as stream:
            stream.write('{"n": 3}\n')
    assert heard == [{"n": 1}, {"n": 2}, {"n": 3}]
    assert not file.exists()


def test_a_failure_to_log_is_not_lost(tmp_path: Path) -> None:
    def fails(record: Record) -> None:
        raise OSError("No space left on device")

    file = tmp_path / "told.jsonl"
    with pytest.raises(OSError, match="No space"), cluster._listening(file, fails):
        file.write_text('{"n": 1}\n')


class FakeRay(SimpleNamespace):
    def __init__(self, running: bool) -> None:
        super().__init__(calls=[], options={})
        self.is_initialized = lambda: running
        self.shutdown = lambda: self.calls.append("shutdown")
        self.init = lambda **options: (self.calls.append("init"), self.options.update(options))


def test_ray_of_somebody_else_is_used_and_left_running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = FakeRay(running=True)
    monkeypatch.setitem(sys.modules, "ray", fake)  # type: ignore[arg-type]
    with instance("local", tmp_path) as ray:
        assert ray is fake
    assert fake.calls == []


@pytest.mark.parametrize("address", ["local", "ray://head:10001"])
def test_a_connection_of_ones_own_is_ended_even_after_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    fake = FakeRay(running=False)
    monkeypatch.setitem(sys.modules, "ray", fake)  # type: ignore[arg-type]
    with pytest.raises(KeyError), instance(address, tmp_path):
        raise KeyError
    assert fake.calls == ["init", "shutdown"]
    assert fake.options["address"] == address
    assert ("_temp_dir" in fake.options) is (address == "local")
    assert fake.options.get("include_dashboard", False) is False


def test_logs_lie_below_home_unless_its_name_is_too_long_for_a_socket(tmp_path: Path) -> None:
    long = tmp_path / ("x" * 60)
    folder = cluster._logs(long)
    assert not folder.is_relative_to(long)
    (link,) = (long / "ray").iterdir()  # by which gc finds it, where the process was killed
    assert link.resolve() == folder
    folder.rmdir()


def test_logs_that_lie_elsewhere_go_with_their_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake, long = FakeRay(running=False), tmp_path / ("x" * 60)
    monkeypatch.setitem(sys.modules, "ray", fake)  # type: ignore[arg-type]
    with instance("local", long):
        folder = Path(fake.options["_temp_dir"])
        assert [link.resolve() for link in (long / "ray").iterdir()] == [folder]
    assert not folder.exists()
    assert list((long / "ray").iterdir()) == []


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_under_ray_words_come_back_mistakes_are_not_retried_and_a_dead_worker_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = tmp_path / "workers_of_a_test.py"
    module.write_text(Path(__file__).read_text())
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    import workers_of_a_test as loops  # type: ignore[import-not-found]

    heard: list[Record] = []
    storage, home = tmp_path / "stage", tmp_path / "home"
    storage.mkdir()
    common = {"workers": 1, "storage": storage, "home": home, "hear": heard.append}
    with instance("local", home):
        assert run_on_workers(loops.double, {"x": 4}, name="c-1", **common) == {"twice": 8}
        assert [next(iter(record)) for record in heard] == ["say", "step"]
        with pytest.raises(UserError, match="smaller learning rate"):
            run_on_workers(loops.collapses, {"folder": str(storage)}, name="c-2", **common)
        assert len(list(storage.glob("called-*"))) == 1
        done = run_on_workers(loops.dies_once, {"folder": str(storage)}, name="c-3", **common)
        assert done["pid"] != os.getpid()
