"""Deliberate errors in what people met who tried every kind of data: plain numbers, hints of init, indexes."""

from tests.mutations.base import Mutation

ROWS = ("tests/components/encoders/test_rows.py",)
SUIT = ("tests/components/modalities/table/test_suit.py",)
SIMPLE = ("tests/pipelines/stages/evaluate/test_regression.py", "-k", "own_features")
SERIES = ("tests/components/modalities/series/test_suit.py",)
SERVED = (
    "tests/pipelines/stages/evaluate/test_classification.py",
    "tests/pipelines/stages/evaluate/test_regression.py",
    "-k",
    "baseline_that_is",
)
TEXT = ("tests/components/modalities/text/test_suit.py",)
INIT = ("tests/pipelines/onboarding/test_init.py", "-k", "masks or unreadable_inbox or split_in_a_table")

MUTATIONS = [
    # numbers as they are, beside their scores
    Mutation("plain.plain", ".masked_fill(gone, 0.0)] if values", "] if values", ROWS),
    Mutation("plain.plain_size", "(3 if values else 2)", "2", ROWS),
    Mutation("Rows.forward", "self.config.values", "False", ROWS),
    Mutation("TableViews.linear", '"values": True', '"values": False', ROWS),
    Mutation("scores.standardised", "grid[:, 1:-1]", "grid"),
    Mutation("scores.standardised", "correction=0", "correction=1"),
    Mutation("scores.standardised", ".double()\n    mean", "\n    mean"),
    Mutation("scores.standardised", "torch.where(deviation > smallest, deviation, torch.inf)", "deviation"),
    Mutation(
        "on_features",
        "fit_ridge(own_linear, targets)",
        "fit_ridge(own, targets)",
        SIMPLE,
    ),
    Mutation("evaluate.regression.simple_models", "if other != usual", "if False", SIMPLE),
    # what init says
    Mutation("suit.TableLook.target", "in few | numbers]", "in few]", SUIT),
    Mutation("TableLook._unnamed", "self.config.target is None and ", "", SUIT),
    Mutation("TableLook._unnamed", ">= GAPS", "> 0.9", SUIT),
    Mutation("TableLook._splits", "{text.casefold() for text in survey.counts} <= known", "True", SUIT),
    Mutation("TableLook._splits", " and SPLIT not in self.config.left_out", "", SUIT),
    Mutation("TextLook.length", "self.most_parts", "self.longest", TEXT),
    Mutation("text.suit", '[^\\W_]+|[^\\w\\s]|_"', '\\w+|[^\\w\\s]"', TEXT),
    Mutation("other_kinds.event_columns", "len(kinds) != 3", "False"),
    Mutation("other_kinds.event_columns", "len(rows) / 2", "len(rows)"),
    Mutation("other_kinds.event_columns", "2 <= count", "1 <= count"),
    Mutation("other_kinds.event_columns", "if len(called) == 1", "if False"),
    Mutation("survey._look", "found.whole.get(reason, reason)", "reason", INIT),
    Mutation("tasks.meaning", "if not any(map(_is_mask, labels.classes)):", "if False:", INIT),
    Mutation("tasks.meaning", "if not any(map(_is_mask, labels.classes)):", "if True:", INIT),
    Mutation("init.describe", " if isinstance(value, str)}", "}", INIT),
    Mutation("SeriesLook.notes", "if not self.filled[place]", "if self.filled[place] < 2", SERIES),
    Mutation("SeriesLook.add", "~missing.all(axis=0)", "~missing.any(axis=0)", SERIES),
    # a baseline that is served is no gain
    Mutation("wording.left_out_of_margin", "if name in figures", "if name not in figures"),
    Mutation("evaluate.classification._tell", "{left_out_of_margin(served, found.baselines)}", "", SERVED),
    Mutation("evaluate.regression._tell", "+ left_out_of_margin(served, found.baselines)", "", SERVED),
    # label files and answers
    Mutation("given_in", 'if row.get("split")]', "]"),
    Mutation("onnx._sentence", 'COLOUR.sub("", text.strip())', "text.strip()"),
    Mutation("SavedModel.predict", "found.index = model_input.index", "pass"),
]
