"""Deliberate errors in the benchmark of texts and rows of tables."""

from tests.mutations.base import Mutation, mirrored


def of(name: str, old: str, new: str, *tests: str) -> Mutation:
    file = f"benchmarks/kinds/{name}.py"
    return Mutation(file, old, new, tests or (mirrored(file), "-m", "not slow"))


COSTS = ("tests/benchmarks/kinds/test_costs.py", "-m", "not slow")
MEASURE = ("tests/benchmarks/kinds/test_measure.py",)

MUTATIONS = [
    of("data_set", "if len(found) == 1]", "]"),
    of("data_set", "[: None if train is None else test + train]", ""),
    of("data_set", "max(FEWEST, round(", "max(1, round("),
    of("data_set", "train[found.labels[train] == label]", "np.flatnonzero(found.labels == label)"),
    of("data_set", '"test" if found.test[row] else "train"', '"train" if found.test[row] else "test"'),
    of("lines", "newest.pop((line.code, line.cell), None)", ""),
    of("lines", "if line.code == code}", "}"),
    of("results", "1.96**2 * float(differences.mean(axis=0).var(ddof=1)) / tests", "0.0"),
    of("results", "STUDENT[draws] ** 2", "1.96**2"),
    of("results", "line.code == own[-1].code", "line.code"),
    of("results", '("minilm",) if way == "weights" else ()', "()"),
    of("results", "100 * self.margin.value >= needed and ", ""),
    of(
        "results",
        "line.right(way)[kept].astype(np.float64) - line.right(column)[kept]",
        "line.right(way).astype(np.float64) - line.right(column)",
    ),
    of("results", 'max(parts) if figure == "MB"', 'sum(parts) if figure == "MB"'),
    of(
        "baselines",
        "float(cross_val_score(model, spaces[space][0], labels, cv=folds).mean()), -strength",
        "-strength, 0.0",
    ),
    of("baselines", "if not test]", "]"),
    of("baselines", "places=np.array(places, dtype=np.int64)", "places=np.array([], dtype=np.int64)"),
    of("baselines", "if done.returncode:", "if False:"),
    of("measure", "if cell not in finished and", "if", *MEASURE),
    of(
        "measure",
        "tests: Ints = reduce(np.intersect1d, (ran.numbers for ran in runs))",
        "tests = runs[0].numbers",
        *MEASURE,
    ),
    of("measure", "if not runs:", "if False:", *MEASURE),
    of("product", 'recipe.pop("truth", None)', "", *MEASURE),
    of("million", "np.random.default_rng([0, start])", "np.random.default_rng()", *COSTS),
    of("text_speed", "len(texts.row(row))", "1", *COSTS),
]
