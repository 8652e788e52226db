"""Deliberate errors in encoders and objectives of rows, and in detectors of anomalies."""

from tests.mutations.base import Mutation, mirrored


def of(file: str, old: str, new: str, *tests: str) -> Mutation:
    file = f"components/{file}.py"
    return Mutation(file, old, new, tests or (mirrored(file),))


EVERY = "tests/components/encoders/test_table_encoders.py"

MUTATIONS = [
    # encoders
    of(
        "encoders/tabular",
        'self.register_buffer("grid", torch.from_numpy(packing.grid))',
        'self.register_buffer("grid", torch.from_numpy(packing.grid), persistent=False)',
        EVERY,
    ),
    of(
        "encoders/tabular",
        "[0, *sizes[:-1]]",
        "[0, *sizes[1:]]",
        mirrored("components/encoders/table_mlp.py"),
    ),
    of("encoders/table_mlp", "torch.where(gone.unsqueeze(2), self.missing, embedded)", "embedded"),
    of("encoders/table_mlp", "p.unsqueeze(-1) * bins - edges", "p.unsqueeze(-1) - edges"),
    of("encoders/table_mlp", "(1 + torch.erf(scores / math.sqrt(2))) / 2", "scores"),
    of("encoders/table_mlp", "2 * math.pi * scores", "math.pi * scores"),
    of("encoders/table_mlp", "codes + self.start", "codes"),
    of("encoders/table_mlp", "self.categories(self.codes(x))]", "0 * self.categories(self.codes(x))]", EVERY),
    of("encoders/ft_transformer", "value * F.relu(gate)", "value * gate"),
    of("encoders/ft_transformer", "tokens[:, 0]", "tokens[:, 1]"),
    of("encoders/ft_transformer", "torch.where(gone, self.missing, token)", "token"),
    of("encoders/ft_transformer", "nn.Identity() if first else", "nn.Identity() if not first else"),
    of(
        "encoders/ft_transformer",
        "self.categories(self.codes(x)) + self.bias",
        "self.categories(self.codes(x))",
    ),
    of(
        "encoders/rows",
        "self.codes(x), self.grid",
        "self.codes(x).clamp(max=1), self.grid",
        "tests/components/modalities/table/test_baseline.py",
    ),
    of("encoders/trees", "value <= self.threshold", "value < self.threshold"),
    of("encoders/trees", "_either(value.isnan(), self.missing_left[trees, node], goes_left)", "goes_left"),
    of("encoders/trees", "self.start + self.leaf", "self.leaf"),
    of("encoders/trees", "known[~np.isnan(known)]", "known[np.isnan(known)]"),
    of("encoders/trees", 'bool(nodes["missing_go_to_left"][node])', "False"),
    of("encoders/trees", "torch.arange(len(flat)) % config.scores", "torch.arange(len(flat)) // len(rounds)"),
    of("encoders/trees", "for _ in range(self.config.depth):", "for _ in range(self.config.depth - 1):"),
    # objectives
    of("objectives/parts/cells", "ignore_index=0", "ignore_index=1"),
    of(
        "objectives/parts/cells",
        "torch.where(there, numbers - scores.nan_to_num(0.0), 0.0)",
        "(numbers - scores.nan_to_num(0.0))",
    ),
    of("objectives/parts/cells", "count.clamp_min(1)", "mask.shape[1]"),
    of("objectives/parts/cells", "mask.index_select(1, self.columns)", "mask"),
    of("objectives/parts/cells", "(changed != x) &", "swap &"),
    of("objectives/parts/cells", "clamp(1, cells - 1)", "clamp(0, cells)"),
    of("objectives/parts/cells", "stream=stream)", "stream=0)"),
    of("objectives/scarf", "of_own_key(clean, corrupted", "of_own_key(corrupted, clean"),
    of("objectives/scarf", "temperature=self.config.temperature", "temperature=1 / self.config.temperature"),
    of("objectives/vime", "mask + self.config.alpha * reconstruction", "mask + reconstruction"),
    of("objectives/vime", "features = encoder(corrupted)", "features = encoder(x)"),
    of("objectives/vime", "(table, features, x)", "(table, features, corrupted)"),
    of("objectives/vime", "self.mask(features), changed", "self.mask(features), ~changed"),
    of("objectives/masked_features", "torch.where(hide, torch.nan, x)", "x"),
    of("objectives/masked_features", "self.in_order(hide & ~x.isnan())", "self.in_order(~x.isnan())"),
    of("objectives/masked_features", "self.in_order(hide", "(hide"),
    of("objectives/table_denoising", "encoder(corrupted)", "encoder(x)"),
    of("objectives/table_denoising", "encoder(corrupted), x)", "encoder(corrupted), corrupted)"),
    # detectors
    of("evaluation/anomaly/isolation_forest", "<= self.threshold", "> self.threshold"),
    of("evaluation/anomaly/isolation_forest", "depth + average_path(len(rows))", "depth"),
    of("evaluation/anomaly/isolation_forest", "random.choice(varying)", "varying[0]"),
    of("evaluation/anomaly/isolation_forest", "2.0 ** (-mean", "2.0 ** (mean"),
    of("evaluation/anomaly/isolation_forest", "2 * (n - 1) / n", "(n - 1) / n"),
    of("evaluation/anomaly/isolation_forest", "samples, replace=False", "samples // 8, replace=False"),
    of("evaluation/anomaly/ecod", "np.minimum(upto, above)", "upto"),
    of("evaluation/anomaly/ecod", 'side="right") + more', 'side="left") + more'),
    of("evaluation/anomaly/ecod", "len(self.ordered) + more", "len(self.ordered)"),
    of("evaluation/anomaly/neighbour_distance", "max(1, round(share * len(points)))", "1"),
    of("evaluation/anomaly/neighbour_distance", "- 2 * part @ self.bank.T", "- part @ self.bank.T"),
    of("evaluation/anomaly/combine", "(below + upto) / 2", "below"),
    of("evaluation/anomaly/combine", "np.sort(np.asarray(scores", "(np.asarray(scores"),
    of("evaluation/anomaly/figures", "np.diff(scores[order]) != 0", "np.diff(scores[order]) != np.inf"),
    of("evaluation/anomaly/figures", "left * anomaly[equal].mean()", "anomaly[equal].sum()"),
    of("evaluation/anomaly/figures", "hits / (last + 1)", "hits / len(scores)"),
    of("evaluation/anomaly/threshold", "float64), rate)", "float64), rate / 2)"),
    of("evaluation/anomaly/threshold", "[~np.asarray(anomaly", "[np.asarray(anomaly"),
    of("evaluation/anomaly/detectors", "points = (points - centre) / scale", "points = points - centre"),
    of(
        "evaluation/anomaly/detectors",
        "(np.asarray(x, dtype=np.float64) - self.centre) / self.scale",
        "np.asarray(x, dtype=np.float64)",
    ),
]
