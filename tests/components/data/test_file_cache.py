"""A file that has not changed is known by path, size and times; anything else is read again."""

from pathlib import Path

from components.data.checked_files import Stamp
from components.data.file_cache import FileCache

A, B = b"a" * 32, b"b" * 32
OLD = Stamp(10, 1, 1, 7)


def ids(cache: FileCache, *paths: str) -> list[bytes | None]:
    """What each file was when last it was taken."""
    held = cache.held(paths)
    return [held[path].id if path in held else None for path in paths]


def unchanged(cache: FileCache, path: str, stamp: Stamp) -> bool:
    return cache.held([path])[path].unchanged(stamp)


def test_a_file_is_known_by_its_stamp_and_in_the_committed_state_only(tmp_path: Path) -> None:
    file = tmp_path / "cache" / "x.sqlite"
    cache = FileCache(file, tmp_path)
    cache.sync("one", [])
    cache.begin()
    cache.put([("1.png", A, OLD)])
    cache.end()
    assert ids(FileCache(file, tmp_path), "1.png") == [None]
    cache.commit("two")
    again = FileCache(file, tmp_path)
    assert ids(again, "1.png", "2.png") == [A, None]
    assert unchanged(again, "1.png", OLD)
    for changed in (
        OLD._replace(size=11),
        OLD._replace(mtime=2),
        OLD._replace(ctime=2),
        OLD._replace(inode=8),
    ):
        assert not unchanged(again, "1.png", changed)
    assert ids(FileCache(file, tmp_path / "other"), "1.png") == [None]  # of another inbox


def test_what_a_refused_delivery_put_is_taken_back(tmp_path: Path) -> None:
    cache = FileCache(None, tmp_path)
    for path, refused in (("1.png", False), ("2.png", True), ("3.png", False)):
        cache.begin()
        cache.put([(path, A, OLD)])
        cache.take_back() if refused else cache.end()
    cache.commit("one")
    assert ids(cache, "1.png", "2.png", "3.png") == [A, None, A]


def test_a_file_read_within_the_tick_of_its_time_is_not_trusted(tmp_path: Path) -> None:
    file = tmp_path / "1.png"
    file.write_bytes(b"x")
    stamp = Stamp.of(file.stat())
    cache = FileCache(None, tmp_path)
    cache.put([("1.png", A, stamp)])
    assert ids(cache, "1.png") == [A]
    assert not unchanged(cache, "1.png", stamp)


def test_another_state_of_the_data_wins_and_keeps_the_stamps_that_still_hold(tmp_path: Path) -> None:
    file = tmp_path / "x.sqlite"
    cache = FileCache(file, tmp_path)
    cache.put([(name, A, OLD) for name in ("same", "other", "gone")])
    cache.commit("one")
    cache.sync("two", [("same", A), ("other", B), ("new", B)])
    assert ids(cache, "same", "other", "gone", "new") == [A, B, None, B]
    assert [unchanged(cache, name, OLD) for name in ("same", "other", "new")] == [True, False, False]


def test_a_broken_database_is_made_anew(tmp_path: Path) -> None:
    file = tmp_path / "x.sqlite"
    file.write_bytes(b"no database" * 1000)
    cache = FileCache(file, tmp_path)
    cache.sync("one", [("1.png", A)])
    assert ids(cache, "1.png") == [A]


def test_where_it_cannot_be_written_it_lasts_as_long_as_the_run(tmp_path: Path) -> None:
    (tmp_path / "x.sqlite" / "full").mkdir(parents=True)
    cache = FileCache(tmp_path / "x.sqlite", tmp_path)
    cache.put([("1.png", A, OLD)])
    cache.commit("one")
    assert ids(cache, "1.png") == [A]
    cache.close()
    assert ids(FileCache(tmp_path / "x.sqlite", tmp_path), "1.png") == [None]
