import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import torch

from components.data.loader import Loader
from components.data.packed import MAPPED, PackedArray
from components.data.prefetch import Prefetch


@pytest.fixture
def images(tmp_path):
    array = np.random.default_rng(0).integers(0, 256, (50, 3, 4, 4), dtype=np.uint8)
    np.save(tmp_path / "images.npy", array)
    return array


@pytest.mark.parametrize("index", [[3, 1, 4, 1, 5, 9], [0], [49, 0], list(range(49, -1, -1))])
def test_gather_gives_what_was_asked_in_the_order_asked(images, tmp_path, index):
    got = PackedArray.open(tmp_path / "images.npy").gather(torch.tensor(index))
    assert got.dtype == torch.uint8
    assert np.array_equal(got.numpy(), np.stack([images[i] for i in index]))


def test_index_counts_within_rows(images, tmp_path):
    packed = PackedArray.open(tmp_path / "images.npy", np.array([10, 20, 5]))
    assert len(packed) == 3
    assert np.array_equal(packed.gather(torch.tensor([2, 0])).numpy(), images[[5, 10]])


def test_gather_over_several_chunks_is_a_copy(tmp_path):
    array = np.arange(40 * 3 * 300 * 300, dtype=np.uint64).astype(np.uint8).reshape(40, 3, 300, 300)
    index = torch.randperm(40)
    got = PackedArray(array, np.arange(40)).gather(index)
    assert np.array_equal(got.numpy(), array[index.numpy()])
    got.zero_()
    assert array.any()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.int64, np.float32])
@pytest.mark.parametrize("shape", [(), (7,), (2, 3)])
def test_samples_of_any_type_and_shape(tmp_path, dtype, shape):
    array = (np.arange(6 * int(np.prod(shape))).reshape(6, *shape) * 1000 + 300).astype(dtype)
    np.save(tmp_path / "x.npy", array)
    got = PackedArray.open(tmp_path / "x.npy", np.array([5, 0, 2])).gather(torch.tensor([2, 1, 2]))
    assert got.numpy().dtype == dtype
    assert np.array_equal(got.numpy(), array[[2, 0, 2]])


def test_a_row_is_a_copy_by_its_place_in_the_array(images):
    packed = PackedArray(images, np.array([10, 20, 5]))
    row = packed.row(20)
    assert np.array_equal(row, images[20])
    row[:] = 0
    assert images[20].any()


def test_other_rows_of_the_same_array(images):
    packed = PackedArray(images, np.array([10, 20, 5]))
    other = packed.select(np.array([7, 20]))
    assert other.array is packed.array
    assert np.array_equal(other.gather(torch.tensor([0, 1])).numpy(), images[[7, 20]])
    assert packed.rows.tolist() == [10, 20, 5]


def test_prefetch_equals_the_loader(images, tmp_path):
    packed = PackedArray.open(tmp_path / "images.npy")
    expected = [i.tolist() for i in Loader(50, 8, seed=1)]
    loader, got = Loader(50, 8, seed=1), []
    with Prefetch(loader, packed) as batches:
        for index, batch in batches:
            assert np.array_equal(batch.numpy(), images[index.numpy()])
            got.append(index.tolist())
            assert loader.position == (0, len(got))
            time.sleep(0.01)
    assert got == expected
    assert loader.position == (1, 0)


def test_position_counts_batches_handed_out_not_gathered(images, tmp_path):
    packed, loader = PackedArray.open(tmp_path / "images.npy"), Loader(50, 5, seed=1)
    with Prefetch(loader, packed) as batches:
        stream = iter(batches)
        next(stream)
        time.sleep(0.1)  # the thread is two batches ahead by now
        state = loader.state_dict()
    resumed = Loader(50, 5, seed=1)
    resumed.load_state_dict(state)
    with Prefetch(resumed, packed) as batches:
        rest = [i.tolist() for i, _ in batches]
    assert rest == [i.tolist() for i in Loader(50, 5, seed=1)][1:]


def test_leaving_early_ends_the_thread(images, tmp_path):
    before = threading.active_count()
    with Prefetch(Loader(50, 2, seed=1), PackedArray.open(tmp_path / "images.npy")) as batches:
        for _ in batches:
            break
    assert threading.active_count() == before


def test_an_error_in_the_thread_is_raised_here(images):
    packed = PackedArray(images, np.arange(60))  # ten rows that the file has not
    with pytest.raises(IndexError), Prefetch(Loader(60, 8, seed=1), packed) as batches:
        list(batches)


@pytest.mark.parametrize(("gather", "work", "low", "high"), [(0.03, 0.0, 0.8, 1.0), (0.0, 0.03, 0.0, 0.15)])
def test_waiting_share_tells_who_waits_for_whom(images, gather, work, low, high):
    class Slow(PackedArray):
        def gather(self, index, *, pin=False):
            time.sleep(gather)
            return super().gather(index, pin=pin)

    with Prefetch(Loader(50, 5, seed=1), Slow(images, np.arange(50))) as batches:
        for _ in batches:
            time.sleep(work)
    share = batches.waiting
    assert low <= share <= high
    time.sleep(0.05)
    assert batches.waiting == share


MEASURE = """
import sys
from pathlib import Path
import numpy as np
import torch
from components.data.packed import PackedArray

torch.set_num_threads(1)

def mapped():  # MiB of files that are resident in this process
    return int(Path("/proc/self/statm").read_text().split()[2]) * 4096 / 2**20

PackedArray(np.zeros((8, 3, 32, 32), np.uint8), np.arange(8)).gather(torch.arange(8))  # loads the libraries
packed = PackedArray.open(Path(sys.argv[1]))
start, peak = mapped(), 0.0
for part in torch.randperm(len(packed)).split(256):
    packed.gather(part)
    peak = max(peak, mapped() - start)
print(peak)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_resident_memory_does_not_grow_with_the_data(tmp_path):
    """A 400 MB array is read through in random order: never more than the budget of it is resident."""
    np.save(tmp_path / "big.npy", np.ones((133_000, 3, 32, 32), np.uint8))
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(tmp_path / "big.npy")], capture_output=True, text=True, check=True
    )
    assert float(done.stdout) < MAPPED / 2**20
