"""Our k-means over shards beside faiss's on one machine: python benchmarks/kmeans.py [--samples 100000]

Both start from the same centroids, run ten iterations on one thread and assign every point. Promised: centroids to
1e-4, at most 1.15 times faiss's seconds for one worker. They take turns, and the least CPU time of each counts: on a
shared machine that is what the code costs. Then k-means of a file larger than the memory that the process may have.
Writes docs/kmeans.md. About half a minute.
"""

import argparse
import importlib
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from components.arrays import Floats, Ints
from components.clustering.distributed import kmeans
from components.clustering.kmeans import Clustering
from components.clustering.quality import nmi

ROOT = Path(__file__).resolve().parents[1]
TURNS, ITERATIONS, SIZE = 8, 10, 64
MB = 1 << 20


def blobs(samples: int, clusters: int, seed: int = 0) -> tuple[Floats, Ints]:
    """[N, D] overlapping blobs, and the one that each point is of."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, clusters, samples)
    points = rng.standard_normal((samples, SIZE), dtype=np.float32) * 1.5
    points += rng.standard_normal((clusters, SIZE), dtype=np.float32)[truth]
    return points, truth


def beside_faiss(samples: int, clusters: int) -> dict[str, float]:
    faiss = importlib.import_module("faiss")  # the peer that is measured, so not by way of our own modules
    faiss.omp_set_num_threads(1)
    points, truth = blobs(samples, clusters)
    start = points[:clusters].copy()

    def peer() -> tuple[Floats, Ints]:
        engine = faiss.Kmeans(
            SIZE, clusters, niter=ITERATIONS, min_points_per_centroid=1, max_points_per_centroid=samples
        )
        engine.train(points, init_centroids=start)
        return np.asarray(engine.centroids).reshape(start.shape), engine.index.search(points, 1)[1][:, 0]

    def ours() -> Clustering:
        return kmeans([points], clusters, spherical=False, iterations=ITERATIONS, seed=0, start=start)

    seconds = [float("inf"), float("inf")]
    for _ in range(TURNS):
        begin = time.process_time()
        centroids, assignment = peer()
        between = time.process_time()
        found = ours()
        spent = between - begin, time.process_time() - between
        seconds = [min(both) for both in zip(seconds, spent, strict=True)]
    return {
        "samples": samples,
        "clusters": clusters,
        "faiss, s": seconds[0],
        "ours, s": seconds[1],
        "ratio (at most 1.15)": seconds[1] / seconds[0],
        "centroids differ by (at most 1e-4)": float(np.abs(found.centroids - centroids).max()),
        "NMI with the blobs, faiss": nmi(truth, assignment),
        "NMI with the blobs, ours": nmi(truth, found.assignment),
    }


def within_memory(file: Path, more: int) -> None:
    """In a process of its own: may allocate `more` bytes on top of what it has, and says what it took.

    The libraries take their working space (BLAS alone some 30 MB) before the limit is set.
    """
    kmeans([blobs(20_000, 100)[0]], 100, spherical=False, iterations=1, seed=0, chunk=16_384)
    resource.setrlimit(resource.RLIMIT_DATA, (_memory("VmData") + more,) * 2)
    before = _memory("VmRSS")
    found = kmeans([file], 100, spherical=False, iterations=2, seed=0, chunk=16_384)
    print(len(found.assignment), _memory("VmHWM") - before)


def _memory(name: str) -> int:
    """Bytes. VmData: allocated; VmRSS: resident; VmHWM: resident at most so far."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


def large_file(samples: int, more: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "points.npy"
        whole = np.lib.format.open_memmap(file, mode="w+", dtype=np.float32, shape=(samples, SIZE))
        for low in range(0, samples, 100_000):
            whole[low : low + 100_000] = blobs(min(100_000, samples - low), 100, seed=low)[0]
        del whole
        command = [sys.executable, "-m", "benchmarks.kmeans", "--within", str(file), "--more", str(more)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        rows, peak = map(int, done.stdout.split())
        assert rows == samples
        return {
            "file, MB": file.stat().st_size / MB,
            "memory it may allocate, MB": more / MB,
            "peak of resident memory above the start, MB": peak / MB,
        }


def table(rows: list[dict[str, float]]) -> str:
    lines = ["| " + " | ".join(rows[0]) + " |", "|" + "---|" * len(rows[0])]
    lines += ["| " + " | ".join(f"{v:.4g}" for v in row.values()) + " |" for row in rows]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=100_000)
    parser.add_argument("--within", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--more", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.within is not None:
        within_memory(given.within, given.more)
        return
    speed = [beside_faiss(given.samples, clusters) for clusters in (100, 256)]
    print(table(speed), flush=True)
    memory = [large_file(10 * given.samples, 128 * MB)]
    text = (
        "# k-means over shards\n\nWritten by `benchmarks/kmeans.py`: one thread, one worker in this process, "
        f"{SIZE} dimensions, {ITERATIONS} iterations from the same centroids and the assignment of every point; "
        f"CPU seconds, the least of {TURNS} turns.\n\n{table(speed)}\n\n"
        "Sums are of blocks of 4,096 rows in float32, added up in float64. What ours takes longer for is a look "
        "whether all points are finite, their way from chunk to chunk, and the inertia; it weighs less the more "
        "clusters there are.\n\n"
        "A memory-mapped file, with a limit set on what the process may allocate:\n\n" + table(memory) + "\n"
    )
    (ROOT / "docs" / "kmeans.md").write_text(text)
    print(table(memory))


if __name__ == "__main__":
    main()
