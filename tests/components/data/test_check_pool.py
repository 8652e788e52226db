"""Batches checked by several processes come out as if one had checked them, in order."""

import hashlib
import io
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from components.data import check_pool
from components.data.check_pool import CheckPool, Ids
from components.data.checks import ImageLimits
from components.data.image_files import Checked, Wanted

LIMITS = ImageLimits()
CRASHING = """
import os
from components.data import check_pool, image_files
real = image_files.check_images
def check_images(batch, limits):
    if b"crash" in batch:
        os.abort()
    return real(batch, limits)
image_files.check_images = check_images
check_pool.serve()
"""


def png(seed: int) -> bytes:
    out = io.BytesIO()
    Image.frombytes("L", (8, 8), random.Random(seed).randbytes(64)).save(out, "PNG")
    return out.getvalue()


def digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(40):
        (tmp_path / f"{number:02}.png").write_bytes(png(number) if number % 7 else b"text")
    return tmp_path


def files(folder: Path) -> list[Wanted]:
    found = [Wanted(path.name) for path in sorted(folder.glob("*.png"))]
    return [*found, Wanted("gone.png"), Wanted("x", "hostile path: it must lie below the inbox")]


def run(folder: Path, known: set[bytes], size: int = 3) -> list[Checked]:
    wanted = files(folder)
    with CheckPool(folder, LIMITS, known, folder / "cache" / "ids") as pool:
        batches = (wanted[start : start + size] for start in range(0, len(wanted), size))
        return [one for checked in pool.map(batches) for one in checked]


@pytest.mark.parametrize("many", [1, 20, 1000])
def test_processes_give_what_one_gives(folder: Path, monkeypatch: pytest.MonkeyPatch, many: int) -> None:
    monkeypatch.setattr(check_pool, "MANY", many)
    known = {digest(png(3)), digest(png(5))}
    found = run(folder, known)
    assert not (folder / "cache" / "ids").exists()
    for number, one in enumerate(found[:40]):
        data = png(number) if number % 7 else b"text"
        assert one.content == digest(data)
        assert one.reason == (None if number % 7 else "not an image")
        assert one.known == (number in (3, 5))
        assert one.data == (b"" if one.known else data)
    assert [one.reason for one in found[40:]] == [
        "unreadable: No such file or directory", "hostile path: it must lie below the inbox",
    ]  # fmt: skip


def test_samples_of_tables_are_checked_too(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check_pool, "MANY", 1)
    with CheckPool(folder, LIMITS, {digest(png(2))}, folder / "ids") as pool:
        [[good, known], [bad]] = pool.map([[png(1), png(2)], [b"text"]])
    assert (good.content, good.reason, good.known) == (digest(png(1)), None, False)
    assert (known.content, known.known) == (digest(png(2)), True)
    assert (bad.reason, bad.data) == ("not an image", b"text")


def test_a_process_that_dies_is_an_error_and_no_wait(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check_pool, "MANY", 1)

    def batches(pool: CheckPool) -> Iterator[list[Wanted]]:
        yield [Wanted("01.png")]
        for worker in list(pool._free):
            worker.process.kill()
        yield [Wanted("02.png")]

    with (
        CheckPool(folder, LIMITS, set(), folder / "ids") as pool,
        pytest.raises(RuntimeError, match=r"ended with code -9; run again"),
    ):
        list(pool.map(batches(pool)))


def test_a_decoder_that_crashes_costs_one_sample(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check_pool, "MANY", 1)
    monkeypatch.setattr(check_pool, "SERVE", CRASHING)
    wanted = [Wanted(f"{number:02}.png") for number in range(1, 7)]
    (folder / "03.png").write_bytes(b"crash")
    with CheckPool(folder, LIMITS, set(), folder / "ids") as pool:
        [checked] = pool.map([wanted])
    reasons = [None, None, "unreadable: its decoder crashed (signal 6)", None, None, None]
    assert [one.reason for one in checked] == reasons


def test_ids_in_a_file_are_found(tmp_path: Path) -> None:
    ids = [digest(bytes([number])) for number in range(100)]
    Ids.write(tmp_path / "ids", ids[::2])
    assert [id in Ids(tmp_path / "ids") for id in ids] == [True, False] * 50
    Ids.write(tmp_path / "none", [])
    assert ids[0] not in Ids(tmp_path / "none")
