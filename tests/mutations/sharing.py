"""Errors in what machines share: finished runs in a bucket, what gc takes from it, the lock, names of jobs."""

from tests.mutations.base import Mutation

SWEEP = ("tests/pipelines/maintenance/test_bucket_gc.py",)
MOVES = ("tests/components/registry/test_alias_moves.py",)
GC = ("tests/pipelines/maintenance/test_gc.py",)
RESTORE = ("tests/pipelines/maintenance/test_restore.py", "-m", "not slow")

MUTATIONS = [
    Mutation("bucket_gc.look", "sorted(records.difference(runs))", "sorted(runs)"),
    Mutation(
        "bucket_gc.look",
        "FILE.fullmatch(item.name) and item.changed < now - OLD",
        "FILE.fullmatch(item.name)",
    ),
    Mutation("bucket_gc.look", 'and item["Initiated"] < now - OLD', ""),
    Mutation("bucket_gc.look", "FILE.fullmatch(item.name) and", ""),
    Mutation(
        "bucket_gc.delete", "changed is not None and changed - file.changed <= SAME", "changed is not None"
    ),
    Mutation("bucket_gc.look", "records.intersection(going)", "records"),
    Mutation("bucket_gc", "timedelta(seconds=2 * LONGEST)", "timedelta(seconds=LONGEST)"),
    Mutation(
        "gc.look",
        "above = given(manifests, lambda reference: _shared(reference, settings))",
        "above = given(manifests)",
        SWEEP,
    ),
    Mutation("bucket_lock._write", '{"IfMatch": mark}', "{}"),
    Mutation("bucket_lock._write", '{"IfNoneMatch": "*"} if mark is None', "{} if mark is None"),
    Mutation("bucket_lock._take", "time.monotonic() - since > SECONDS", "False"),
    Mutation("lease.held", "time.monotonic() - began > SECONDS / 2", "False"),
    Mutation("bucket_lock._take", 'seen.owner in ("", owner)', 'seen.owner == ""'),
    Mutation("lease", '_write(key, "", mark, address)', "_write(key, owner, mark, address)"),
    Mutation("_Guarded.set_alias", "        self.held()\n", ""),
    Mutation("Journal.lock", "self.among_machines() as held", "nullcontext(_always) as held", MOVES),
    Mutation("object_store.share", "First(stream, file.bytes)", "stream"),
    Mutation("object_store.share", ', IfNoneMatch="*"', ""),
    Mutation("attempt", 'base = f"selfsup-{where}-', 'base = f"selfsup-'),
    Mutation(
        "ray_jobs.place",
        "settings.store_remote or str(settings.store.resolve())",
        "str(settings.store.resolve())",
    ),
    Mutation("ray_jobs.place", "settings.store.resolve()", "settings.store"),
    Mutation("store_lock._places", "else [settings.store, settings.home]", "else [settings.store]", GC),
    Mutation("_leftovers", "folder.is_symlink() and (elsewhere", "False and (elsewhere"),
    Mutation(
        "snapshot.disagreement.disagreement", "return _other_than(", "return None and _other_than(", RESTORE
    ),
]
