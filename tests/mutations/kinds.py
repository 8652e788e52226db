"""Deliberate errors in the benchmark of texts and rows of tables."""

from tests.mutations.base import Mutation

DATA_SET = ("tests/benchmarks/kinds/test_data_set.py", "-m", "not slow")
LINES = ("tests/benchmarks/kinds/test_lines.py", "-m", "not slow")
RESULTS = ("tests/benchmarks/kinds/test_results.py", "-m", "not slow")
BASELINES = ("tests/benchmarks/kinds/test_baselines.py", "-m", "not slow")
MEASURE = ("tests/benchmarks/kinds/test_measure.py",)
COSTS = ("tests/benchmarks/kinds/test_costs.py", "-m", "not slow")

MUTATIONS = [
    Mutation("data_set.finished", "if len(found) == 1]", "]", DATA_SET),
    Mutation("data_set.finished", "[: None if train is None else test + train]", "", DATA_SET),
    Mutation("data_set.draw_labels", "max(FEWEST, round(", "max(1, round(", DATA_SET),
    Mutation(
        "data_set.draw_labels",
        "train[found.labels[train] == label]",
        "np.flatnonzero(found.labels == label)",
        DATA_SET,
    ),
    Mutation(
        "write_inbox",
        '"test" if found.test[row] else "train"',
        '"train" if found.test[row] else "test"',
        DATA_SET,
    ),
    Mutation("kinds.lines.read", "newest.pop((line.code, line.cell), None)", "", LINES),
    Mutation("kinds.lines.done", "if line.code == code}", "}", LINES),
    Mutation(
        "results.interval", "1.96**2 * float(differences.mean(axis=0).var(ddof=1)) / tests", "0.0", RESULTS
    ),
    Mutation("results.interval", "STUDENT[draws] ** 2", "1.96**2", RESULTS),
    Mutation("results._newest", "line.code == own[-1].code", "line.code", RESULTS),
    Mutation("kinds.results._row", '("minilm",) if way == "weights" else ()', "()", RESULTS),
    Mutation("Row.verdict", "100 * self.margin.value >= needed and ", "", RESULTS),
    Mutation(
        "kinds.results.margin",
        "line.right(way)[kept].astype(np.float64) - line.right(column)[kept]",
        "line.right(way).astype(np.float64) - line.right(column)",
        RESULTS,
    ),
    Mutation("results.figure_of", 'max(parts) if figure == "MB"', 'sum(parts) if figure == "MB"', RESULTS),
    Mutation(
        "_tuned_logistic.judged",
        "float(cross_val_score(model, spaces[space][0], labels, cv=folds).mean()), -strength",
        "-strength, 0.0",
        BASELINES,
    ),
    Mutation("tfidf_logistic", "if not test]", "]", BASELINES),
    Mutation(
        "tabpfn", "places=np.array(places, dtype=np.int64)", "places=np.array([], dtype=np.int64)", BASELINES
    ),
    Mutation("tabpfn", "if done.returncode:", "if False:", BASELINES),
    Mutation("kinds.measure.measure", "if cell not in finished and", "if"),
    Mutation(
        "kinds.measure.measured",
        "tests: Ints = reduce(np.intersect1d, (ran.numbers for ran in runs))",
        "tests = runs[0].numbers",
    ),
    Mutation("kinds.measure.measured", "if not runs:", "if False:"),
    Mutation("repository", 'recipe.pop("truth", None)', "", MEASURE),
    Mutation("_block", "np.random.default_rng([0, start])", "np.random.default_rng()", COSTS),
    Mutation("text_speed.tokens", "len(texts.row(row))", "1", COSTS),
]
