"""Deliberate errors in how labels are read, find their samples and are settled."""

from tests.mutations.base import Mutation

TESTS = "tests/components/data/"
CSV, VALUES, LABELS = (
    (f"{TESTS}test_csv_text.py",),
    (f"{TESTS}test_label_values.py",),
    (f"{TESTS}test_labels.py",),
)
NAMES, FOLDERS, LINKED = (
    (f"{TESTS}test_{name}.py",) for name in ("sample_names", "folder_labels", "linked_table")
)
INGEST = ("tests/pipelines/stages/test_ingest.py", "-k", "label or folder")
ASKING = ("tests/pipelines/reporting/test_asking.py",)
PLAN = ("tests/pipelines/stages/test_plan.py", "-k", "first_champion or pretrained_on_anew")

MUTATIONS = [
    Mutation("components/data/csv_text.py", "strict=True", "strict=False", CSV),
    Mutation("components/data/label_values.py", 'numbers != {"-1", "1"}', "True", VALUES),
    Mutation(
        "components/data/labels.py",
        "people.get(id) or data.get(id, set())",
        "people.get(id, set()) | data.get(id, set())",
        LABELS,
    ),
    Mutation("components/data/labels.py", 'row.origin or f"\\0{number}"', 'f"\\0{number}"', LABELS),
    Mutation("components/data/labels.py", 'row.time if timed else ""', "row.time", LABELS),
    Mutation("components/data/sample_names.py", 'unicodedata.normalize("NFC", path)', "path", NAMES),
    Mutation("components/data/sample_names.py", 'if "/" in tail or', "if True or", NAMES),
    Mutation(
        "components/data/folder_labels.py",
        "return frozenset(chosen if len(chosen) < len(folders) else ())",
        "return frozenset(chosen)",
        FOLDERS,
    ),
    Mutation("components/data/linked_table.py", "or file.read_bytes() != data", "or True", LINKED),
    Mutation("components/data/label_intake.py", "count >= share", "count > share", INGEST),
    Mutation("components/data/label_intake.py", "return before | now", "return now | before", INGEST),
    Mutation("pipelines/reporting/asking.py", "asking.count // 3", "asking.count", ASKING),
    Mutation(
        "pipelines/planning/pretrained.py", 'for name in ("ids", "split")', 'for name in ("ids",)', PLAN
    ),
]
