"""Errors in what machines share: finished runs in a bucket, what gc takes from it, the lock, names of jobs."""

from tests.mutations.base import Mutation

SWEEP = ("tests/pipelines/maintenance/test_bucket_gc.py",)
LEASE = ("tests/pipelines/registry/test_bucket_lock.py",)
REMOTE = ("tests/pipelines/engine/test_object_store.py",)
JOBS = ("tests/pipelines/engine/test_ray_jobs.py",)
MOVES = ("tests/components/registry/test_alias_moves.py",)
GC = ("tests/pipelines/maintenance/test_gc.py",)
RESTORE = ("tests/pipelines/maintenance/test_restore.py", "-m", "not slow")

MUTATIONS = [
    Mutation("pipelines/maintenance/bucket_gc.py", "sorted(records.difference(runs))", "sorted(runs)", SWEEP),
    Mutation(
        "pipelines/maintenance/bucket_gc.py",
        "FILE.fullmatch(item.name) and item.changed < now - OLD",
        "FILE.fullmatch(item.name)",
        SWEEP,
    ),
    Mutation("pipelines/maintenance/bucket_gc.py", 'and item["Initiated"] < now - OLD', "", SWEEP),
    Mutation("pipelines/maintenance/bucket_gc.py", "FILE.fullmatch(item.name) and", "", SWEEP),
    Mutation(
        "pipelines/maintenance/bucket_gc.py",
        "changed is not None and changed - file.changed <= SAME",
        "changed is not None",
        SWEEP,
    ),
    Mutation("pipelines/maintenance/bucket_gc.py", "records.intersection(going)", "records", SWEEP),
    Mutation(
        "pipelines/maintenance/bucket_gc.py",
        "timedelta(seconds=2 * LONGEST)",
        "timedelta(seconds=LONGEST)",
        SWEEP,
    ),
    Mutation(
        "pipelines/maintenance/gc.py",
        "above = given(manifests, lambda reference: _shared(reference, settings))",
        "above = given(manifests)",
        SWEEP,
    ),
    Mutation("pipelines/registry/bucket_lock.py", '{"IfMatch": mark}', "{}", LEASE),
    Mutation(
        "pipelines/registry/bucket_lock.py",
        '{"IfNoneMatch": "*"} if mark is None',
        "{} if mark is None",
        LEASE,
    ),
    Mutation("pipelines/registry/bucket_lock.py", "time.monotonic() - since > SECONDS", "False", LEASE),
    Mutation("pipelines/registry/bucket_lock.py", "time.monotonic() - began > SECONDS / 2", "False", LEASE),
    Mutation("pipelines/registry/bucket_lock.py", 'seen.owner in ("", owner)', 'seen.owner == ""', LEASE),
    Mutation(
        "pipelines/registry/bucket_lock.py",
        '_write(key, "", mark, address)',
        "_write(key, owner, mark, address)",
        LEASE,
    ),
    Mutation("components/registry/alias_moves.py", "        self.held()\n", "", MOVES),
    Mutation(
        "components/registry/journal.py",
        "self.among_machines() as held",
        "nullcontext(_always) as held",
        MOVES,
    ),
    Mutation("pipelines/engine/object_store.py", "First(stream, file.bytes)", "stream", REMOTE),
    Mutation("pipelines/engine/object_store.py", ', IfNoneMatch="*"', "", REMOTE),
    Mutation("pipelines/engine/ray_jobs.py", 'base = f"selfsup-{where}-', 'base = f"selfsup-', JOBS),
    Mutation(
        "pipelines/engine/ray_jobs.py",
        "settings.store_remote or str(settings.store.resolve())",
        "str(settings.store.resolve())",
        JOBS,
    ),
    Mutation("pipelines/engine/ray_jobs.py", "settings.store.resolve()", "settings.store", JOBS),
    Mutation(
        "pipelines/engine/store_lock.py", "else [settings.store, settings.home]", "else [settings.store]", GC
    ),
    Mutation("pipelines/maintenance/gc.py", "folder.is_symlink() and (elsewhere", "False and (elsewhere", GC),
    Mutation(
        "pipelines/stages/snapshot/stage.py", "return _other_than(", "return None and _other_than(", RESTORE
    ),
]
