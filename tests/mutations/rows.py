"""Deliberate errors in encoders and objectives of rows, and in detectors of anomalies."""

from tests.mutations.base import Mutation

TABLE_ENCODERS = ("tests/components/encoders/test_table_encoders.py",)
TABLE_MLP = ("tests/components/encoders/test_table_mlp.py",)
BASELINE = ("tests/components/modalities/table/test_baseline.py",)

MUTATIONS = [
    # encoders
    Mutation(
        "TableEncoder.__init__",
        'self.register_buffer("grid", torch.from_numpy(packing.grid))',
        'self.register_buffer("grid", torch.from_numpy(packing.grid), persistent=False)',
        TABLE_ENCODERS,
    ),
    Mutation("starts", "[0, *sizes[:-1]]", "[0, *sizes[1:]]", TABLE_MLP),
    Mutation("Numbers.forward", "torch.where(gone.unsqueeze(2), self.missing, embedded)", "embedded"),
    Mutation("piecewise", "p.unsqueeze(-1) * bins - edges", "p.unsqueeze(-1) - edges"),
    Mutation("Numbers.forward", "(1 + torch.erf(scores / math.sqrt(2))) / 2", "scores"),
    Mutation("Numbers.forward", "2 * math.pi * scores", "math.pi * scores"),
    Mutation("Categories.forward", "codes + self.start", "codes"),
    Mutation(
        "TableMlp.forward",
        "self.categories(self.codes(x))]",
        "0 * self.categories(self.codes(x))]",
        TABLE_ENCODERS,
    ),
    Mutation("ft_transformer.Block.forward", "value * F.relu(gate)", "value * gate"),
    Mutation("FtTransformer.forward", "tokens[:, 0]", "tokens[:, 1]"),
    Mutation("Tokens.forward", "torch.where(gone, self.missing, token)", "token"),
    Mutation(
        "ft_transformer.Block.__init__", "nn.Identity() if first else", "nn.Identity() if not first else"
    ),
    Mutation(
        "FtTransformer.forward",
        "self.categories(self.codes(x)) + self.bias",
        "self.categories(self.codes(x))",
    ),
    Mutation("Rows.forward", "self.codes(x), self.grid", "self.codes(x).clamp(max=1), self.grid", BASELINE),
    Mutation("Trees.forward", "value <= self.threshold", "value < self.threshold"),
    Mutation(
        "Trees.forward", "_either(value.isnan(), self.missing_left[trees, node], goes_left)", "goes_left"
    ),
    Mutation("Trees.forward", "self.start + self.leaf", "self.leaf"),
    Mutation("_inputs", "known[~np.isnan(known)]", "known[np.isnan(known)]"),
    Mutation("trees._fill", 'bool(nodes["missing_go_to_left"][node])', "False"),
    Mutation("trees_of", "torch.arange(len(flat)) % config.scores", "torch.arange(len(flat)) // len(rounds)"),
    Mutation("Trees.forward", "for _ in range(self.config.depth):", "for _ in range(self.config.depth - 1):"),
    # objectives
    Mutation("cell_losses", "ignore_index=0", "ignore_index=1"),
    Mutation(
        "cell_losses",
        "torch.where(there, numbers - scores.nan_to_num(0.0), 0.0)",
        "(numbers - scores.nan_to_num(0.0))",
    ),
    Mutation("mean_of", "count.clamp_min(1)", "mask.shape[1]"),
    Mutation("OfCells.in_order", "mask.index_select(1, self.columns)", "mask"),
    Mutation("OfCells.swapped", "(changed != x) &", "swap &"),
    Mutation("largest_share", "clamp(1, cells - 1)", "clamp(0, cells)"),
    Mutation("OfCells.pick", "stream=stream)", "stream=0)"),
    Mutation("Scarf.forward", "of_own_key(clean, corrupted", "of_own_key(corrupted, clean"),
    Mutation(
        "Scarf.forward", "temperature=self.config.temperature", "temperature=1 / self.config.temperature"
    ),
    Mutation("Vime.forward", "mask + self.config.alpha * reconstruction", "mask + reconstruction"),
    Mutation("Vime.forward", "features = encoder(corrupted)", "features = encoder(x)"),
    Mutation("Vime.forward", "(table, features, x)", "(table, features, corrupted)"),
    Mutation("Vime.forward", "self.mask(features), changed", "self.mask(features), ~changed"),
    Mutation("MaskedFeatures.forward", "torch.where(hide, torch.nan, x)", "x"),
    Mutation("MaskedFeatures.forward", "self.in_order(hide & ~x.isnan())", "self.in_order(~x.isnan())"),
    Mutation("MaskedFeatures.forward", "self.in_order(hide", "(hide"),
    Mutation("TableDenoising.forward", "encoder(corrupted)", "encoder(x)"),
    Mutation("TableDenoising.forward", "encoder(corrupted), x)", "encoder(corrupted), corrupted)"),
    # detectors
    Mutation("IsolationForest.scores", "<= self.threshold", "> self.threshold"),
    Mutation("_grow", "depth + average_path(len(rows))", "depth"),
    Mutation("_grow", "random.choice(varying)", "varying[0]"),
    Mutation("IsolationForest.scores", "2.0 ** (-mean", "2.0 ** (mean"),
    Mutation("average_path", "2 * (n - 1) / n", "(n - 1) / n"),
    Mutation("fit_isolation_forest", "samples, replace=False", "samples // 8, replace=False"),
    Mutation("Ecod._tails", "np.minimum(upto, above)", "upto"),
    Mutation("Ecod._tails", 'side="right") + more', 'side="left") + more'),
    Mutation("Ecod._tails", "len(self.ordered) + more", "len(self.ordered)"),
    Mutation("fit_neighbour_distance", "max(1, round(share * len(points)))", "1"),
    Mutation("NeighbourDistance.scores", "- 2 * part @ self.bank.T", "- part @ self.bank.T"),
    Mutation("combine.ranks", "(below + upto) / 2", "below"),
    Mutation("fit_mean_of_ranks", "np.sort(np.asarray(scores", "(np.asarray(scores"),
    Mutation("figures.average_precision", "np.diff(scores[order]) != 0", "np.diff(scores[order]) != np.inf"),
    Mutation("among_alarms", "((alarms - above.sum()) / equal.sum())", "1.0"),
    Mutation("figures.average_precision", "hits / (last + 1)", "hits / len(scores)"),
    Mutation("alarm_threshold", "float64), rate)", "float64), rate / 2)"),
    Mutation("false_alarms", "[~np.asarray(anomaly", "[np.asarray(anomaly"),
    Mutation("fit_detectors", "points = (points - centre) / scale", "points = points - centre"),
    Mutation(
        "Detectors.standardised",
        "(np.asarray(x, dtype=np.float64) - self.centre) / self.scale",
        "np.asarray(x, dtype=np.float64)",
    ),
]
