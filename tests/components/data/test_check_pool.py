"""Batches checked by several processes come out as if one had checked them, in order."""

import faulthandler
import hashlib
import io
import multiprocessing
import os
import random
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image

from components.data.check_pool import CheckPool
from components.data.checked_files import Wanted
from components.forks import WorkerDiedError
from components.modalities.image.check import check_images
from components.modalities.image.config import ImageLimits
from components.modalities.image.read import ImageReader

READER = ImageReader(ImageLimits())


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


@pytest.mark.parametrize("size", [1, 2, 5])
def test_samples_come_back_in_order_whoever_checked_them(folder: Path, size: int) -> None:
    known, wanted = {digest(png(3)), digest(png(5))}, files(folder)
    with CheckPool(folder, READER, known, size) as pool:
        batches = (wanted[start : start + 3] for start in range(0, len(wanted), 3))
        found = [one for checked in pool.map(batches) for one in checked]
    for number, one in enumerate(found[:40]):
        data = png(number) if number % 7 else b"text"
        assert one.content == digest(data)
        assert one.reason == (None if number % 7 else "not an image")
        assert one.known == (number in (3, 5))
        assert one.data == (b"" if one.known else data)
    assert [one.reason for one in found[40:]] == [
        "unreadable: No such file or directory", "hostile path: it must lie below the inbox",
    ]  # fmt: skip


def test_samples_of_tables_are_checked_too(folder: Path) -> None:
    with CheckPool(folder, READER, {digest(png(2))}) as pool:
        [[good, known], [bad]] = pool.map([[png(1), png(2)], [b"text"]])
    assert (good.content, good.reason, good.known) == (digest(png(1)), None, False)
    assert (known.content, known.known) == (digest(png(2)), True)
    assert (bad.reason, bad.data) == ("not an image", b"text")


def fall_to(number: signal.Signals, monkeypatch: pytest.MonkeyPatch) -> None:
    """The decoder ends its process by this signal at the sample `crash`."""

    def check(batch: Sequence[bytes], limits: ImageLimits) -> list[str | None]:
        if b"crash" in batch:
            faulthandler.disable()  # the crash is wanted: no traceback among the results
            os.kill(os.getpid(), number)
        return check_images(batch, limits)

    monkeypatch.setattr("components.modalities.image.read.check_images", check)


def test_a_process_that_is_killed_is_an_error_and_no_wait(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fall_to(signal.SIGKILL, monkeypatch)
    with (
        CheckPool(folder, READER, set()) as pool,
        pytest.raises(WorkerDiedError, match=r"was killed by signal 9; run again"),
    ):
        list(pool.map([[png(1)], [b"crash"]]))


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT])
def test_a_decoder_that_crashes_costs_one_sample(
    folder: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    fall_to(number, monkeypatch)
    wanted = [Wanted(f"{number:02}.png") for number in range(1, 7)]
    (folder / "03.png").write_bytes(b"crash")
    with CheckPool(folder, READER, set(), 2) as pool:
        [checked, after] = pool.map([wanted, [Wanted("08.png")]])
    reasons = [None, None, f"unreadable: its decoder crashed (signal {number:d})", None, None, None]
    assert [one.reason for one in checked] == reasons
    assert [one.content for one in after] == [digest(png(8))]


def test_no_process_is_left(folder: Path) -> None:
    with CheckPool(folder, READER, set(), 3) as pool:
        next(pool.map([wanted] for wanted in files(folder)))
        assert multiprocessing.active_children()
    assert not multiprocessing.active_children()
