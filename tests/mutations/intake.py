"""Deliberate errors in how an inbox is walked, and deliveries are taken."""

from tests.mutations.base import Mutation

EDITED = ("tests/pipelines/stages/test_ingest.py", "-k", "edited or version or copy_of_another")
REFUSED = ("tests/pipelines/stages/test_ingest.py", "-k", "refused or bad_of_five")
KNOWN = ("tests/pipelines/stages/test_ingest.py", "-k", "known or same_size")
AT_ONCE = ("tests/pipelines/stages/test_ingest.py", "-k", "at_once")
ERASE = ("tests/components/data/test_erase.py",)
DEEP = (
    "tests/components/modalities/image/test_file.py",
    "tests/components/modalities/image/test_pack.py",
    "-k",
    "deep",
)
FORGET = ("tests/crash/test_forget.py",)
CHECK = ("tests/pipelines/test_bad_input.py", "-k", "larger")
DECODER = ("tests/pipelines/stages/test_ingest.py", "-k", "decoder")
CHECKS = ("tests/components/modalities/image/test_check.py", "-k", "chunk")
PARTS = ("tests/pipelines/stages/test_ingest.py", "-k", "parts")

MUTATIONS = [
    Mutation("Walk._is_entered", "return not self._is_own(path)", "return bool(path)"),
    Mutation("Taking._good", "derived=not there", "derived=True", EDITED),
    Mutation("Taking._good", "held is not None and held != id and", "held is None and", EDITED),
    Mutation(
        "Replacements.names",
        "if not name_files(delivery) or self.latest.get(name, id) == id",
        "if name",
        EDITED,
    ),
    Mutation("make_table", "past.origins.get(id, id) for id in ids", "id for id in ids", EDITED),
    Mutation("Intake._end", "> max(self.allowed.bad_share", "> min(self.allowed.bad_share", REFUSED),
    Mutation("Taking.abandon", "self._growing.writer.abandon()", "pass", REFUSED),
    Mutation("ShardWriter.abandon", "del values[rows:]", "pass"),
    Mutation("_hashed", "if content in known", "if not content", KNOWN),
    Mutation("Held.unchanged", "self.stamp == [*stamp]", "self.stamp[1:] == [*stamp][1:]"),
    Mutation("file_cache._fields", "sure = stamp is not None and", "sure = stamp is not None or"),
    Mutation("FileCache.sync", "delete from files where path not in named", "select 1"),
    Mutation("ingested", "past.heirs.items()", "()", EDITED),
    Mutation("make_table", "if past.rows else", "if not past.rows else", EDITED),
    Mutation("in_turn", "together.get(id, said) != said", "not said", AT_ONCE),
    Mutation("_asked", "if -code in CRASHES", "if not code"),
    Mutation("without_ids", "elif old and old != row.new", "elif old", ERASE),
    Mutation("_rewritten", "heirs.get(id, id)", "id"),
    Mutation("Index.name_files", "delivery in tables or not", "not", EDITED),
    Mutation("labels.settle", "and not people[id]}", "}"),
    Mutation("labels.news", "and id in withdrawable", "and not id"),
    Mutation("_labelled_by_data_alone", "with_data and (id, False) not in labelled", "with_data"),
    Mutation("_sixteen_bits", "name[:-3] + SWAPPED[name[-3:]]", "name", DEEP),
    Mutation("_sixteen_bits", "upper * 256 + lower", "upper * 255 + lower", DEEP),
    Mutation("forget.forget.forget", "*(earlier.versions if earlier else ())", "", FORGET),
    Mutation("same_but_plan", '["decision"] != "skip"', '["decision"] == ""'),
    Mutation("benefit.verdict", "<= EQUAL else", "<= 1 else"),
    Mutation("check_data", "if size > samples > 0", "if size > samples + 1 > 1", CHECK),
    Mutation("ingest.observe", "if inbox.reader.mended(kind)", "if True", DECODER),
    Mutation("Inbox.digest", "lines.clear()", "pass"),
    Mutation("png_damage", "end > last + 8 or ", "", CHECKS),
    Mutation("_array", 'bitorder="little"', 'bitorder="big"'),
    Mutation("_array", "value.encode() for value in values", "bytes(len(value)) for value in values"),
    Mutation("by_part.part_of", "* parts >> 32", "% parts"),
    Mutation("ByPart._write", "rows.clear()", "pass"),
    Mutation("_part_by_part", "rows[part_of(row.id, count)]", "rows[0]", PARTS),
    Mutation("append_parts", "new = []", "pass", PARTS),
    Mutation("part_with", "if row.id in ids] if ids else []", "if row.id not in ids]"),
    Mutation("adopt_labels", "key=first_row", "key=str", PARTS),
]
