"""Deliberate errors in how labels are read, find their samples and are settled."""

from tests.mutations.base import Mutation

INGEST = ("tests/pipelines/stages/test_ingest.py", "-k", "label or folder")
PLAN = ("tests/pipelines/stages/plan/test_stage.py", "-k", "first_champion or pretrained_on_anew")

MUTATIONS = [
    Mutation("read_csv", "strict=True", "strict=False"),
    Mutation("label_values.classes_of", 'numbers != {"-1", "1"}', "True"),
    Mutation(
        "labels.settle",
        "people.get(id) or data.get(id, set())",
        "people.get(id, set()) | data.get(id, set())",
    ),
    Mutation("labels._statements", 'row.origin or f"\\0{number}"', 'f"\\0{number}"'),
    Mutation("_last", 'row.time if timed else ""', "row.time"),
    Mutation("portable", 'unicodedata.normalize("NFC", path)', "path"),
    Mutation("_matches", 'if "/" in tail or', "if True or"),
    Mutation(
        "test_folders",
        "return frozenset(chosen if len(chosen) < len(folders) else ())",
        "return frozenset(chosen)",
    ),
    Mutation("linked_table._write", "or file.read_bytes() != data", "or True"),
    Mutation("too_many_lost", "count >= share", "count > share", INGEST),
    Mutation("label_intake._places", "return before | now", "return now | before", INGEST),
    Mutation("_tests", "asking.count // 3", "asking.count"),
    Mutation("_same_training_data", 'for name in ("ids", "split")', 'for name in ("ids",)', PLAN),
]
