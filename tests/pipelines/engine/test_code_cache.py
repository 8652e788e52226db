"""Facts of sources kept between processes: found by content, and given up where they might be wrong."""

import json

import pytest

from pipelines.engine import code_cache

FILE = "cache/code.json"


@pytest.fixture
def process(monkeypatch):
    """A function after which this module is as in a process that has just begun."""

    def begin(home=None):
        for name, value in (("_file", None), ("_kept", {}), ("_used", set()), ("_changed", False)):
            monkeypatch.setattr(code_cache, name, value)
        if home is not None:
            code_cache.keep_in(home)

    begin()
    return begin


def test_another_process_finds_what_one_has_saved(process, tmp_path):
    process(tmp_path)
    assert code_cache.find("a") is None
    code_cache.put("a", [1, None])
    process(tmp_path)
    assert code_cache.find("a") is None
    code_cache.put("a", [1, None])
    code_cache.save()
    process(tmp_path)
    assert code_cache.find("a") == [1, None]
    assert [file.name for file in (tmp_path / "cache").iterdir()] == ["code.json"]


def test_nothing_is_written_without_a_home_or_without_news(process, tmp_path):
    code_cache.put("a", 1)
    code_cache.save()
    process(tmp_path)
    code_cache.save()
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"entries": {"a": 1}}', '{"made_by": "another", "entries": {"a": 1}}']
)
def test_a_file_that_is_torn_or_made_by_other_code_is_none(process, tmp_path, text):
    (tmp_path / "cache").mkdir()
    (tmp_path / FILE).write_text(text)
    process(tmp_path)
    assert code_cache.find("a") is None
    code_cache.put("a", 2)
    code_cache.save()
    assert json.loads((tmp_path / FILE).read_text())["entries"] == {"a": 2}


def test_the_file_does_not_grow_without_bound(process, tmp_path, monkeypatch):
    monkeypatch.setattr(code_cache, "MOST", 3)
    process(tmp_path)
    for key in "abc":
        code_cache.put(key, key)
    code_cache.save()
    process(tmp_path)
    assert code_cache.find("b") == "b"
    code_cache.put("d", "d")
    code_cache.save()
    assert json.loads((tmp_path / FILE).read_text())["entries"] == {"b": "b", "d": "d"}


def test_a_home_that_cannot_be_written_costs_time_alone(process, tmp_path):
    (tmp_path / "cache").write_text("a file")
    process(tmp_path)
    code_cache.put("a", 1)
    code_cache.save()
    assert code_cache.find("a") == 1
