"""Deliberate errors in series: reading, packing, views, encoders and objectives; and in groups of samples."""

from tests.mutations.base import Mutation, mirrored


def of(name: str, old: str, new: str, *tests: str) -> Mutation:
    file = f"components/modalities/series/{name}.py"
    return Mutation(file, old, new, tests or (mirrored(file),))


def net(file: str, old: str, new: str, *tests: str) -> Mutation:
    file = f"components/{file}.py"
    return Mutation(file, old, new, tests or (mirrored(file),))


INGEST = "tests/pipelines/stages/test_ingest.py"
READ, PACK = (mirrored(f"components/modalities/series/{name}.py") for name in ("read", "pack"))
TS2VEC = "tests/components/objectives/test_ts2vec.py"
SHARED = mirrored("components/encoders/series.py")

MUTATIONS = [
    # bytes and what is refused
    of("decode", 'dtype="<f4").tobytes()', 'dtype=">f4").tobytes()'),
    of("decode", 'order="F" if fortran else "C"', 'order="C"'),
    of("decode", 'if kind.kind not in "fiub":', 'if kind.kind not in "fiubO":'),
    of("decode", "len(data) - start != int(np.prod(shape)) * kind.itemsize", "False"),
    of("decode", "if infinite := int(np.isinf(found).sum()):", "if infinite := 0:"),
    of("decode", "if len(shape) not in (1, 2):", "if len(shape) not in (1, 2, 3):"),
    of("check", "steps > limits.max_steps", "steps > 2 * limits.max_steps"),
    of("check", "(~np.isnan(values)).any(axis=1)", "(~np.isnan(values)).all(axis=1)"),
    of("windows", "steps - window + 1", "steps - window"),
    of("windows", "steps <= window", "steps < window - 1"),
    of("ts_file", 'np.nan if text in ("?", "") else', "0.0 if text in ('?', '') else"),
    of("ts_file", 'rest.strip().lower() == "true"', "False"),
    # tables
    of("tables", 'order = np.argsort(times, kind="stable")', "order = np.arange(len(times))"),
    of("tables", "np.diff(moments) == 0", "np.diff(moments) < 0"),
    of("tables", "exact[-1] >= GRID", "False"),
    of("tables", "return value if np.isfinite(value) else np.nan", "return value"),
    of("tables", "return sorted(found) if", "return found if"),
    of("tables", "(moment if moment.tzinfo else moment.replace(tzinfo=UTC))", "moment.replace(tzinfo=None)"),
    of("tables", "wanted = [config.series, *config.channels", "wanted = [*config.channels"),
    of("tables", "labels = labels[before]", "pass"),
    of("read", 'labels[0] if len(set(labels)) == 1 else ""', "labels[0]"),
    of("read", 'series.group or ("" if self.config.window is None else name)', "series.group"),
    of("read", "series.labels[begin:end]", "series.labels"),
    # packing
    of("pack", "np.where((high > low) & (deviation > 0), deviation, 1.0)", "deviation"),
    of("pack", "before.channels if before is not None else _channels(encoded, config)", "_channels(encoded, config)"),
    of("pack", "found.most_common(1)[0][0]", "found.most_common()[-1][0]"),
    of("pack", "(packed.row(place).astype(np.float64) - mean) ** 2", "packed.row(place).astype(np.float64) ** 2"),
    of("config", "self.channels == other.channels", "True", PACK),
    of("config", "self.hop is not None and self.window is None", "False", PACK),
    of("packed", "begin = np.asarray(self.offsets[asked])", "begin = np.asarray(self.offsets[index.numpy()])", PACK),
    # views
    of("views", "there * places).amax(dim=1)", "there).sum(dim=1)"),
    of("views", "count - kept + 1", "count - kept", "tests/components/modalities/series/test_views.py"),
    of("views", "(at >= kept).unsqueeze(1), torch.nan", "(at >= kept).unsqueeze(1), 0.0"),
    of("views", "mean + (view - mean) * (1 + how.scale", "view * (1 + how.scale"),
    of("views", "how.jitter * std * normal", "how.jitter * normal"),
    of("views", "length = max(steps, self.packing.length)", "length = steps"),
    of("views", "& (numbers < numbers.amax(dim=1, keepdim=True))", ""),
    of("views", "torch.where(at < count, rank * view.shape[2] + at, parts * view.shape[2] + at)", "rank * 99 + at"),
    of("views", "(count - 1).clamp(min=0) // begin.shape[1]", "count"),
    of("show", "(high - level)", "(level - low)"),
    of("serve", 'values.T if axes == "channels_first" else values', "values"),
    # encoders
    net("encoders/series", ").masked_fill(gone, 0.0), gone", ").nan_to_num(9.0), gone", SHARED),
    net("encoders/series", "constant = std <= 1e-6", "constant = std < 0", SHARED),
    net("encoders/series", 'self.register_buffer("mean", torch', 'self.mean = (torch', SHARED),
    net("encoders/series_conv", "x = block(x, inside)", "x = block(x, torch.ones_like(inside))", SHARED),
    net("encoders/series_conv", "(reach, 0) if causal else", "(reach, 0) if False else"),
    net("encoders/series_conv", "2**place", "1"),
    net("encoders/series_conv", "maps.masked_fill(padding.unsqueeze(1), lowest)", "maps"),
    net("encoders/series_conv", "gone.to(values.dtype)]", "values]"),
    net("encoders/random_kernels", "high * counted", "counted"),
    net("encoders/random_kernels", "response.argmin(dim=2)", "response.argmax(dim=2)"),
    net("encoders/random_kernels", "values.diff() * inside[..., 1:]", "values.diff()"),
    net("encoders/random_kernels", "inside[..., kind:]", "inside[..., :1].expand_as(inside)[..., kind:]"),
    net("encoders/random_kernels", "padding=SIZE // 2 * dilation", "padding=SIZE // 2"),
    net("encoders/random_kernels", "/ weight.abs().sum(-1, keepdim=True)", "/ weight.norm(dim=-1, keepdim=True)"),
    net("encoders/random_kernels", "manual_seed(config.seed)", "manual_seed(0)"),
    # objectives
    net("objectives/parts/temporal", "values.masked_fill(~where, 0.0).sum()", "values.sum()"),
    net("objectives/parts/temporal", "& (at < count)", ""),
    net("objectives/ts2vec", "itself | ~there.unsqueeze(1)", "~there.unsqueeze(1)"),
    net("objectives/ts2vec", "itself | ~there.unsqueeze(1)", "itself"),
    net("objectives/ts2vec", "first.transpose(0, 1), second.transpose(0, 1), inside.T", "first, second, inside"),
    net("objectives/ts2vec", "aligned(first, begin - left)", "aligned(first, begin)", TS2VEC),
    net("objectives/ts2vec", "tokens.masked_fill(~inside.unsqueeze(2), lowest)", "tokens"),
    net("objectives/ts2vec", "return total / scales", "return total"),
    net("objectives/ts2vec", "< self.config.hidden", "< 0", TS2VEC),
    net("objectives/cpc", "wrong.masked_fill(same, -torch.inf)", "wrong"),
    net("objectives/cpc", "latents[:, k:]", "latents[:, : latents.shape[1] - k]"),
    net("objectives/cpc", "order.argsort().unsqueeze(1)", "torch.arange(size).unsqueeze(1)"),
    net("objectives/cpc", "(when * count[rows]).long()", "(when * count.max()).long()"),
    net("objectives/masked_series", "hide.unsqueeze(1) & ~gone", "~gone"),
    net("objectives/masked_series", "view.masked_fill(hide.unsqueeze(1), torch.nan)", "view"),
    net("objectives/forecast", "target[..., k:].detach()", "target[..., : max(0, steps - k)].detach()"),
    net("objectives/forecast", "/ len(losses)", "", "tests/components/objectives/test_forecast.py"),
    net("objectives/temporal_order", "features.gather(1, order)", "features"),
    net("objectives/temporal_order", "* (1 - gap)", ""),
    # groups of samples, files that hold several
    Mutation("components/data/taking.py", "plain(sample.group)", '""', (INGEST, "-k", "group or windows")),
    Mutation("components/data/inbox.py", "suffix in self.reader.containers", "False", (INGEST, "-k", "files_of_many")),
    Mutation("pipelines/stages/ingest.py", "request.group or reader.group", "reader.group", (INGEST, "-k", "group")),
    Mutation(
        "pipelines/stages/snapshot/stage.py", "first.setdefault(name, row) if name else row", "row",
        (INGEST, "-k", "group or windows"),
    ),
    Mutation(
        "pipelines/stages/snapshot/stage.py", "for other in (near, ", "for other in (row, ",
        ("tests/pipelines/stages/snapshot/test_stage.py", "-k", "link_samples"),
    ),
    Mutation(
        "components/modalities/table/read.py", "in (origin, together) if name}", "in (origin,) if name}",
        ("tests/components/modalities/table/test_read.py",),
    ),
]  # fmt: skip
