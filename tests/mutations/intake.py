"""Deliberate errors in how an inbox is walked, and deliveries are taken."""

from tests.mutations.base import Mutation

INGEST = "tests/pipelines/stages/test_ingest.py"
EDITED = (INGEST, "-k", "edited or version or copy_of_another")
REFUSED = (INGEST, "-k", "refused or bad_of_five")
KNOWN = (INGEST, "-k", "known or same_size")
CACHE = ("tests/components/data/test_file_cache.py",)
WALK = ("tests/components/data/test_walk.py",)
AT_ONCE = (INGEST, "-k", "at_once")
POOL = ("tests/components/data/test_check_pool.py",)
ERASE = ("tests/components/data/test_erase.py",)
LABELS = ("tests/components/data/test_labels.py",)
DEEP = (
    "tests/components/modalities/image/test_file.py",
    "tests/components/modalities/image/test_pack.py",
    "-k",
    "deep",
)
FORGET = ("tests/crash/test_forget.py",)
APPLIED = ("tests/pipelines/engine/test_apply_plan.py",)
WORTH = ("tests/pipelines/stages/evaluate/test_benefit.py",)
CHECK = ("tests/pipelines/test_bad_input.py", "-k", "larger")
DECODER = (INGEST, "-k", "decoder")
BY_PART = ("tests/components/data/test_by_part.py",)
PARTS = (INGEST, "-k", "parts")
INBOX = ("tests/components/data/test_inbox.py",)
CHECKS = ("tests/components/modalities/image/test_check.py", "-k", "chunk")
SHARDS = ("tests/components/data/test_shards.py",)

MUTATIONS = [
    Mutation("components/data/walk.py", "return not self._is_own(path)", "return bool(path)", WALK),
    Mutation("components/data/taking.py", "derived=not there", "derived=True", EDITED),
    Mutation("components/data/taking.py", "held is not None and held != id and", "held is None and", EDITED),
    Mutation(
        "components/data/replaced.py",
        "if not name_files(delivery) or self.latest.get(name, id) == id",
        "if name",
        EDITED,
    ),
    Mutation(
        "pipelines/stages/snapshot/stage.py",
        "past.origins.get(id, id) for id in ids",
        "id for id in ids",
        EDITED,
    ),
    Mutation(
        "components/data/intake.py", "> max(self.allowed.bad_share", "> min(self.allowed.bad_share", REFUSED
    ),
    Mutation("components/data/taking.py", "self._growing.writer.abandon()", "pass", REFUSED),
    Mutation("components/data/shards.py", "del values[rows:]", "pass", SHARDS),
    Mutation("components/data/checked_files.py", "if content in known", "if not content", KNOWN),
    Mutation(
        "components/data/file_cache.py", "self.stamp == [*stamp]", "self.stamp[1:] == [*stamp][1:]", CACHE
    ),
    Mutation(
        "components/data/file_cache.py", "sure = stamp is not None and", "sure = stamp is not None or", CACHE
    ),
    Mutation("components/data/file_cache.py", "delete from files where path not in named", "select 1", CACHE),
    Mutation("components/data/sample_names.py", "past.heirs.items()", "()", EDITED),
    Mutation("pipelines/stages/snapshot/stage.py", "if past.rows else", "if not past.rows else", EDITED),
    Mutation("components/data/labels.py", "together.get(id, said) != said", "not said", AT_ONCE),
    Mutation("components/data/check_pool.py", "if -code in CRASHES", "if not code", POOL),
    Mutation("components/data/replaced.py", "elif old and old != row.new", "elif old", ERASE),
    Mutation("components/data/erase.py", "heirs.get(id, id)", "id", ERASE),
    Mutation("components/data/shards.py", "delivery in tables or not", "not", EDITED),
    Mutation("components/data/labels.py", "and not people[id]}", "}", LABELS),
    Mutation("components/data/labels.py", "and id in withdrawable", "and not id", LABELS),
    Mutation("components/data/labels.py", "with_data and (id, False) not in labelled", "with_data", LABELS),
    Mutation("components/modalities/image/file.py", "name[:-3] + SWAPPED[name[-3:]]", "name", DEEP),
    Mutation("components/modalities/image/file.py", "upper * 256 + lower", "upper * 255 + lower", DEEP),
    Mutation("pipelines/maintenance/forget/forget.py", "*(earlier.versions if earlier else ())", "", FORGET),
    Mutation("pipelines/engine/apply_plan.py", '["decision"] != "skip"', '["decision"] == ""', APPLIED),
    Mutation("pipelines/stages/evaluate/benefit.py", "<= EQUAL else", "<= 1 else", WORTH),
    Mutation("pipelines/flows/data_check.py", "if size > samples > 0", "if size > samples + 1 > 1", CHECK),
    Mutation("pipelines/stages/ingest.py", "in text and has_decoder(name)", "in text", DECODER),
    Mutation("components/data/inbox.py", "lines.clear()", "pass", INBOX),
    Mutation("components/modalities/image/check.py", "end > last + 8 or ", "", CHECKS),
    Mutation("components/data/shards.py", 'bitorder="little"', 'bitorder="big"', SHARDS),
    Mutation(
        "components/data/shards.py",
        "value.encode() for value in values",
        "bytes(len(value)) for value in values",
        SHARDS,
    ),
    Mutation("components/data/by_part.py", "* parts >> 32", "% parts", BY_PART),
    Mutation("components/data/by_part.py", "rows.clear()", "pass", BY_PART),
    Mutation("components/data/label_intake.py", "rows[part_of(row.id, count)]", "rows[0]", PARTS),
    Mutation("components/data/labels.py", "new = []", "pass", PARTS),
    Mutation(
        "components/data/labels.py", "if row.id in ids] if ids else []", "if row.id not in ids]", LABELS
    ),
    Mutation("components/data/orphans.py", "key=first_row", "key=str", PARTS),
]
