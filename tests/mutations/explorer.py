"""Deliberate errors in the explorer's map and table."""

from tests.mutations.base import Mutation

MUTATIONS = [
    Mutation("explorer.projection.project", "init=start", 'init="random"'),
    Mutation(
        "explorer.projection.project",
        'np.argsort(np.asarray(ids), kind="stable")[:LANDMARKS]',
        "np.arange(min(len(ids), LANDMARKS))",
    ),
    Mutation(
        "explorer.projection._start",
        "flat = old[nearest] - old.mean(axis=0)",
        "flat = old[nearest[::-1]] - old.mean(axis=0)",
    ),
    Mutation("explorer.projection._start", "if flat.shape[1] < 2:", "if False:"),
    Mutation("explorer.projection._between", "1.0 / np.maximum(2.0 - 2.0", "1.0 / np.maximum(2.0 + 2.0"),
    Mutation("explorer.table._before", '(row["x"], row["y"])', '(row["y"], row["x"])'),
    Mutation("explorer.table._labels", "if 0 <= k < len(classes) else None", ""),
    Mutation("explorer.table._pseudo_labels", "values[row] = value", "values[row - 1] = value"),
    Mutation("explorer.table._scores", "place.get(id) for id in ids", "place.get(id, 0) for id in ids"),
    Mutation("explorer.table._write", "[:SHOWN]", ""),
    Mutation("explorer.table._seen", "html.unescape(", "str("),
    Mutation("page_command", "first.null_count < len(first)", "False"),
]
