"""Deliberate errors in series: reading, packing, views, encoders and objectives; and in groups of samples."""

from tests.mutations.base import Mutation

PACK = ("tests/components/modalities/series/test_pack.py",)
SERIES = ("tests/components/encoders/test_series.py",)
INGEST = ("tests/pipelines/stages/test_ingest.py", "-k", "group or windows")
INGEST_2 = ("tests/pipelines/stages/test_ingest.py", "-k", "files_of_many")
INGEST_3 = ("tests/pipelines/stages/test_ingest.py", "-k", "group")
STAGE = ("tests/pipelines/stages/snapshot/test_stage.py", "-k", "link_samples")

MUTATIONS = [
    # bytes and what is refused
    Mutation("series.decode.encode", 'dtype="<f4").tobytes()', 'dtype=">f4").tobytes()'),
    Mutation("series.decode.decode", 'order="F" if fortran else "C"', 'order="C"'),
    Mutation("decode._check", 'if kind.kind not in "fiub":', 'if kind.kind not in "fiubO":'),
    Mutation("series.decode.decode", "len(data) - start != int(np.prod(shape)) * kind.itemsize", "False"),
    Mutation("series.decode._plain", "if infinite := int(np.isinf(found).sum()):", "if infinite := 0:"),
    Mutation("decode._check", "if len(shape) not in (1, 2):", "if len(shape) not in (1, 2, 3):"),
    Mutation("series.check._reason", "steps > limits.max_steps", "steps > 2 * limits.max_steps"),
    Mutation("series.check._reason", "(~np.isnan(values)).any(axis=1)", "(~np.isnan(values)).all(axis=1)"),
    Mutation("windows.spans", "steps - window + 1", "steps - window"),
    Mutation("windows.spans", "steps <= window", "steps < window - 1"),
    Mutation("ts_file._number", 'np.nan if text in ("?", "") else', "0.0 if text in ('?', '') else"),
    Mutation("read_ts", 'rest.strip().lower() == "true"', "False"),
    # tables
    Mutation("tables._finished", 'order = np.argsort(times, kind="stable")', "order = np.arange(len(times))"),
    Mutation("tables._finished", "np.diff(moments) == 0", "np.diff(moments) < 0"),
    Mutation("tables._finished", "exact[-1] >= GRID", "False"),
    Mutation("tables._number", "return value if np.isfinite(value) else np.nan", "return value"),
    Mutation("value_columns", "return sorted(found) if", "return found if"),
    Mutation(
        "_moment", "(moment if moment.tzinfo else moment.replace(tzinfo=UTC))", "moment.replace(tzinfo=None)"
    ),
    Mutation("_layout", "wanted = [config.series, *config.channels", "wanted = [*config.channels"),
    Mutation("tables._finished", "labels = labels[before]", "pass"),
    Mutation("SeriesReader._samples", 'labels[0] if len(set(labels)) == 1 else ""', "labels[0]"),
    Mutation(
        "SeriesReader._samples",
        'series.group or ("" if self.config.window is None else name)',
        "series.group",
    ),
    Mutation("SeriesReader._samples", "series.labels[begin:end]", "series.labels"),
    # packing
    Mutation(
        "series.pack.packing_of", "np.where((high > low) & (deviation > 0), deviation, 1.0)", "deviation"
    ),
    Mutation(
        "pack_series",
        "before.channels if before is not None else _channels(encoded, config)",
        "_channels(encoded, config)",
    ),
    Mutation("_channels", "found.most_common(1)[0][0]", "found.most_common()[-1][0]"),
    Mutation(
        "_deviation",
        "(packed.row(place).astype(np.float64) - mean) ** 2",
        "packed.row(place).astype(np.float64) ** 2",
    ),
    Mutation("SeriesPacking.reads", "self.channels == other.channels", "True", PACK),
    Mutation("SeriesConfig._hop_of_a_window", "self.hop is not None and self.window is None", "False", PACK),
    Mutation(
        "PackedSeries.gather",
        "begin = np.asarray(self.offsets[asked])",
        "begin = np.asarray(self.offsets[index.numpy()])",
        PACK,
    ),
    # views
    Mutation("series.views.lengths", "there * places).amax(dim=1)", "there).sum(dim=1)"),
    Mutation("series.views.cropped", "count - kept + 1", "count - kept"),
    Mutation("shifted", "(at >= kept).unsqueeze(1), torch.nan", "(at >= kept).unsqueeze(1), 0.0"),
    Mutation("SeriesViews.augment", "mean + (view - mean) * (1 + how.scale", "view * (1 + how.scale"),
    Mutation("SeriesViews.augment", "how.jitter * std * normal", "how.jitter * normal"),
    Mutation("SeriesViews.augment", "length = max(steps, self.packing.length)", "length = steps"),
    Mutation("dropped", "& (numbers < numbers.amax(dim=1, keepdim=True))", ""),
    Mutation(
        "permuted",
        "torch.where(at < count, rank * view.shape[2] + at, parts * view.shape[2] + at)",
        "rank * 99 + at",
    ),
    Mutation("views.hidden", "(count - 1).clamp(min=0) // begin.shape[1]", "count"),
    Mutation("show._line", "(high - level)", "(level - low)"),
    Mutation("series.serve.to_value", 'values.T if axes == "channels_first" else values', "values"),
    # encoders
    Mutation("Scaled.standardised", ").masked_fill(gone, 0.0), gone", ").nan_to_num(9.0), gone"),
    Mutation("Scaled.moments", "constant = std <= 1e-6", "constant = std < 0"),
    Mutation("Scaled.__init__", 'self.register_buffer("mean", torch', "self.mean = (torch"),
    Mutation("SeriesConv.maps", "x = block(x, inside)", "x = block(x, torch.ones_like(inside))", SERIES),
    Mutation("series_conv.Block.__init__", "(reach, 0) if causal else", "(reach, 0) if False else"),
    Mutation("SeriesConv.__init__", "2**place", "1"),
    Mutation("SeriesConv.forward", "maps.masked_fill(padding.unsqueeze(1), lowest)", "maps"),
    Mutation("SeriesConv.maps", "gone.to(values.dtype)]", "values]"),
    Mutation("RandomKernels._counts", "high * counted", "counted"),
    Mutation("RandomKernels._counts", "response.argmin(dim=2)", "response.argmax(dim=2)"),
    Mutation("RandomKernels._features", "values.diff() * inside[..., 1:]", "values.diff()"),
    Mutation(
        "RandomKernels._features", "inside[..., kind:]", "inside[..., :1].expand_as(inside)[..., kind:]"
    ),
    Mutation("RandomKernels._counts", "padding=SIZE // 2 * dilation", "padding=SIZE // 2"),
    Mutation(
        "RandomKernels.__init__",
        "/ weight.abs().sum(-1, keepdim=True)",
        "/ weight.norm(dim=-1, keepdim=True)",
    ),
    Mutation("RandomKernels.__init__", "manual_seed(config.seed)", "manual_seed(0)"),
    # objectives
    Mutation("mean_where", "values.masked_fill(~where, 0.0).sum()", "values.sum()"),
    Mutation("spans_of", "& (at < count)", ""),
    Mutation("_contrast", "itself | ~there.unsqueeze(1)", "~there.unsqueeze(1)"),
    Mutation("_contrast", "itself | ~there.unsqueeze(1)", "itself"),
    Mutation(
        "instance_contrast",
        "first.transpose(0, 1), second.transpose(0, 1), inside.T",
        "first, second, inside",
    ),
    Mutation("Ts2vec.forward", "aligned(first, begin - left)", "aligned(first, begin)"),
    Mutation("ts2vec.pooled", "tokens.masked_fill(~inside.unsqueeze(2), lowest)", "tokens"),
    Mutation("hierarchical", "return total / scales", "return total"),
    Mutation("Ts2vec.tokens", "< self.config.hidden", "< 0"),
    Mutation("cpc.scores", "wrong.masked_fill(same, -torch.inf)", "wrong"),
    Mutation("Cpc.forward", "latents[:, k:]", "latents[:, : latents.shape[1] - k]"),
    Mutation("Cpc.others", "order.argsort().unsqueeze(1)", "torch.arange(size).unsqueeze(1)"),
    Mutation("Cpc.others", "(when * count[rows]).long()", "(when * count.max()).long()"),
    Mutation("MaskedSeries.forward", "hide.unsqueeze(1) & ~gone", "~gone"),
    Mutation("MaskedSeries.forward", "view.masked_fill(hide.unsqueeze(1), torch.nan)", "view"),
    Mutation("Forecast.forward", "target[..., k:].detach()", "target[..., : max(0, steps - k)].detach()"),
    Mutation("Forecast.forward", "/ len(losses)", ""),
    Mutation("TemporalOrder.forward", "features.gather(1, order)", "features"),
    Mutation("temporal_order.parts_of", "* (1 - gap)", ""),
    # groups of samples, files that hold several
    Mutation("Taking._good", "plain(sample.group)", '""', INGEST),
    Mutation("Inbox.list", "suffix in self.reader.containers", "False", INGEST_2),
    Mutation("reader_of", "request.group or reader.group", "reader.group", INGEST_3),
    Mutation("united", "first.setdefault(name, row) if name else row", "row", INGEST),
    Mutation("united", "for other in (near, ", "for other in (row, ", STAGE),
    Mutation("TableReader.rows", "in (origin, together) if name}", "in (origin,) if name}"),
]
