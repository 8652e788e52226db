"""Deliberate errors in what a newcomer meets first: init, check, and what they say."""

from tests.mutations.base import Mutation

CHECK = ("tests/pipelines/flows/test_recipe_check.py",)
DATA = ("tests/pipelines/flows/test_data_check.py",)
INIT = (
    "tests/pipelines/onboarding/test_init.py",
    "-k",
    "guessed or no_table or bad or somebody or another_kind",
)
INGEST = ("tests/pipelines/stages/test_ingest.py", "-k", "label_may_be_missing")
SUIT = ("tests/components/modalities/table/test_suit.py",)

MUTATIONS = [
    Mutation("recipe_check.mistakes", "told = wrong.keys() - own.keys()", "told = set()"),
    Mutation("recipe_check.mistakes", "wrong.keys() - own.keys()", "wrong.keys()"),
    Mutation("recipe_check.mistakes", '[] if "task" in told else [str(error)]', "[str(error)]"),
    Mutation("recipe_check._keys", "fields - filled - SHARED.keys()", "fields"),
    Mutation("config.explain", 'if parts else ""', "", CHECK),
    # the label
    Mutation("check_data", "if first and inbox.reader.target:", "if False:", DATA),
    Mutation(
        "check_data", "list(_batches(recipe)), there and not known", "list(_batches(recipe)), there", DATA
    ),
    Mutation("Inbox.total", "except ValueError", "except KeyError", DATA),
    Mutation("Listing.require", "get_close_matches(column.lower(), sorted(self.columns), n=1)", "[]", DATA),
    Mutation("ingest._take", "if not growing.index.samples:", "if False:", INGEST),
    Mutation("ingest._take", "if not growing.index.samples:", "if True:", INGEST),
    Mutation("SeriesReader.__init__", "self.target = config.target", "self.target = None", INGEST),
    Mutation("survey._look", 'listing.require("modality.target", reader.target)', "pass", INIT),
    Mutation("survey.survey", "if guess is not None:", "if False:", INIT),
    Mutation("survey.survey", "bool(listing.label_files) or ", "", INIT),
    Mutation("survey.survey", "any(label for _, _, label in surveyed.samples)", "False", INIT),
    Mutation("TableLook.guess", "None if labelled else self.target", "self.target", SUIT),
    # labels that ingest will not take, and the split that will be
    Mutation("survey._look", "surveyed.bad.update(", "set().update(", INIT),
    Mutation("Surveyed.places", " and id not in self.bad", "", INIT),
    Mutation("survey_labels", "if row.id not in surveyed.bad", "if True", INIT),
    Mutation("survey_labels", '"test" in settled.named.values()', "labels.tests > 0", INIT),
    Mutation(
        "init._shares", '("", labels.tests) if labels.split', '("", labels.tests) if labels.tests', INIT
    ),
    # rows that look like another kind
    Mutation("other_kinds.series_column", "kinds[name] in", "kinds[name] not in"),
    Mutation("other_kinds.series_column", "if not names and len(set(moments)) == len(rows):", "if False:"),
    Mutation("other_kinds.series_column", "len(rows) / STEPS", "len(rows)"),
    Mutation("other_kinds.series_column", "2 <= len(set(values))", "1 <= len(set(values))"),
    Mutation("other_kinds.series_column", "None not in values and ", ""),
    Mutation("other_kinds.series_column", "len(others) > 1 and ", ""),
    Mutation("other_kinds.text_columns", "DIFFERENT * len(texts)", "len(texts)"),
    Mutation("other_kinds.text_columns", ">= WORDS", "> WORDS"),
    Mutation("other_kinds._options", "and yaml.safe_load(value) == value", ""),
    Mutation("TableLook.notes", "return notes + other_kinds(", "return notes or other_kinds(", INIT),
    # what is asked for
    Mutation(
        "kinds.present", "if place.is_dir() and not (listing.deliveries or listing.broken):", "if False:"
    ),
    Mutation("kinds.present", "not (listing.deliveries or listing.broken)", "not listing.deliveries"),
    Mutation(
        "_WithKinds._get_help_string",
        'action.help.replace("{kinds}", ", ".join(MODALITIES))',
        "action.help",
        ("tests/pipelines/cli/test_main.py",),
    ),
]
