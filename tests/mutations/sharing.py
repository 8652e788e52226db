"""Errors in what machines share: finished runs in a bucket, what gc takes from it, the lock, names of jobs."""

from tests.mutations.base import Mutation

SWEEP = ("tests/pipelines/test_sweep.py",)
LEASE = ("tests/pipelines/test_lease.py",)
REMOTE = ("tests/pipelines/test_remote.py",)
JOBS = ("tests/pipelines/test_jobs.py",)
MOVES = ("tests/components/registry/test_moves.py",)
GC = ("tests/pipelines/test_gc.py",)
RESTORE = ("tests/pipelines/test_restore.py", "-m", "not slow")

MUTATIONS = [
    Mutation("pipelines/sweep.py", "sorted(records.difference(runs))", "sorted(runs)", SWEEP),
    Mutation(
        "pipelines/sweep.py",
        "FILE.fullmatch(item.name) and item.changed < now - OLD",
        "FILE.fullmatch(item.name)",
        SWEEP,
    ),
    Mutation("pipelines/sweep.py", 'and item["Initiated"] < now - OLD', "", SWEEP),
    Mutation("pipelines/sweep.py", "FILE.fullmatch(item.name) and", "", SWEEP),
    Mutation(
        "pipelines/sweep.py",
        "changed is not None and changed - file.changed <= SAME",
        "changed is not None",
        SWEEP,
    ),
    Mutation("pipelines/sweep.py", "records.intersection(going)", "records", SWEEP),
    Mutation("pipelines/sweep.py", "timedelta(seconds=2 * LONGEST)", "timedelta(seconds=LONGEST)", SWEEP),
    Mutation(
        "pipelines/gc.py",
        "above = given(manifests, lambda reference: _shared(reference, settings))",
        "above = given(manifests)",
        SWEEP,
    ),
    Mutation("pipelines/lease.py", '{"IfMatch": mark}', "{}", LEASE),
    Mutation("pipelines/lease.py", '{"IfNoneMatch": "*"} if mark is None', "{} if mark is None", LEASE),
    Mutation("pipelines/lease.py", "time.monotonic() - since > SECONDS", "False", LEASE),
    Mutation("pipelines/lease.py", "time.monotonic() - began > SECONDS / 2", "False", LEASE),
    Mutation("pipelines/lease.py", 'seen.owner in ("", owner)', 'seen.owner == ""', LEASE),
    Mutation(
        "pipelines/lease.py", '_write(key, "", mark, address)', "_write(key, owner, mark, address)", LEASE
    ),
    Mutation("components/registry/moves.py", "        self.held()\n", "", MOVES),
    Mutation(
        "components/registry/journal.py",
        "self.among_machines() as held",
        "nullcontext(_always) as held",
        MOVES,
    ),
    Mutation("pipelines/remote.py", "First(stream, file.bytes)", "stream", REMOTE),
    Mutation("pipelines/remote.py", ', IfNoneMatch="*"', "", REMOTE),
    Mutation("pipelines/jobs.py", 'base = f"selfsup-{where}-', 'base = f"selfsup-', JOBS),
    Mutation(
        "pipelines/jobs.py",
        "settings.store_remote or str(settings.store.resolve())",
        "str(settings.store.resolve())",
        JOBS,
    ),
    Mutation("pipelines/jobs.py", "settings.store.resolve()", "settings.store", JOBS),
    Mutation("pipelines/in_use.py", "else [settings.store, settings.home]", "else [settings.store]", GC),
    Mutation("pipelines/gc.py", "folder.is_symlink() and (elsewhere", "False and (elsewhere", GC),
    Mutation("pipelines/stages/snapshot.py", "return _other_than(", "return None and _other_than(", RESTORE),
]
