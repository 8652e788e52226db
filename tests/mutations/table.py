"""Deliberate errors in tables as a kind of data."""

from tests.mutations.base import Mutation, mirrored


def of(name: str, old: str, new: str, *tests: str) -> Mutation:
    file = f"components/modalities/table/{name}.py"
    return Mutation(file, old, new, tests or (mirrored(file),))


READ, PACK = (mirrored(f"components/modalities/table/{name}.py") for name in ("read", "pack"))
MODALITY = mirrored("components/modalities/table/modality.py")

MUTATIONS = [
    # config
    of("config", "name.strip().lower() if name else None", "name.strip() if name else None", READ),
    of("config", "self.layout == other.layout", "True", PACK),
    of("config", "(self.key, self.time)", "(self.key,)", READ),
    # cells
    of("cells", "CODE.match(body) or ", ""),
    of("cells", "abs(value) <= LARGEST", "True"),
    of("cells", '.replace(",", ".")', ""),
    of("cells", "1.0 if word in TRUE", "1.0 if word in FALSE"),
    of("cells", "seconds / 86400", "seconds / 3600"),
    of("cells", "utc=True", "utc=False"),
    of("cells", '"true" if value else "false"', '"false" if value else "true"'),
    of("cells", "and float(value).is_integer()", "and True"),
    # block
    of("block", "cells != len(data) * len(known)", "False"),
    of("block", "table.num_rows != len(data) or", ""),
    of("block", "text is not None and text not in missing]", "text is not None]"),
    of("block", "pc.and_not(pc.is_valid(column), gone)", "pc.is_valid(column)"),
    of("block", "if not odd and bool", "if bool"),
    of("block", "<= 1e30).all()", "<= 1e300).all()"),
    of("block", "sum(name not in row for row in rows)", "sum(name in row for row in rows)"),
    # check
    of("check", "sort_keys=True", "sort_keys=False"),
    of("check", "len(data) > limits.max_bytes", "False"),
    of("check", "(ValueError, RecursionError)", "ValueError"),
    of("check", "value is None or type(value) is str", "True"),
    of("check", "len(row) > limits.max_columns", "False"),
    of("check", 'else "empty row"', "else None"),
    # read
    of("read", "if len(values) != width:", "if len(values) > width:"),
    of("read", "if is_label_file(path):", "if False:"),
    of("read", 'f"{delivery}#{number}"', 'f"{delivery}#{line}"'),
    of("read", "self._need(cells)\n", "pass\n"),
    of("read", "text or None for text in pick", "text for text in pick"),
    of("read", "if more := set(row).difference(names):", "if False:"),
    of(
        "read",
        "[text_of(value) for value in column.to_pylist()]",
        "[str(value) for value in column.to_pylist()]",
    ),
    # schema
    of("schema", "ENOUGH = 0.995", "ENOUGH = 0.5"),
    of("schema", " and len(self.units) <= 1", ""),
    of("schema", "count >= self.config.rare", "count >= 1"),
    of("schema", "(-item[1], item[0])", "(item[1], item[0])"),
    of("schema", "hours // 24 + 3", "hours // 24 + 4", PACK),
    of("schema", "while len(self.counts) > DISTINCT:", "while False:"),
    of("schema", "+ bool(survey.missing) <= 1", "<= 1"),
    of("schema", "if len(weekdays) > 1:", "if True:"),
    of("schema", "self.numbers[point] < LIKELY * self.values", "True"),
    of("schema", "if unknown := sorted", "if unknown := 0 * sorted"),
    of("schema", "order[config.dates]", "order[None]"),
    # pack
    of("pack", "start=FIRST", "start=0"),
    of("pack", "out[where, place] = found", "out[: len(where), place] = found"),
    of("pack", "np.where(np.isnan(found), OTHER, found)", "found"),
    of("pack", "places[np.linspace(0, len(places) - 1, SAMPLES).astype(np.int64)]", "places[:SAMPLES]"),
    of("pack", "rows[places, place]", "rows[:, place]"),
    of("pack", "infer(_blocks(encoded()", "infer(_blocks(list(encoded())[:1]"),
    of("pack", "if before is None:\n        schema, notes", "if True:\n        schema, notes"),
    of("pack", "return odd > RETYPED * seen", "return False"),
    of("pack", "return odd > ENOUGH * seen and not", "return odd > ENOUGH * seen and"),
    of("pack", 'reading.config.changes == "refuse"', "False"),
    of("pack", "{seen + place: reason", "{place: reason", PACK),
    of("pack", "write_header(out, np.float32, (written.samples, width))", "pass"),
    of("pack", "(weekday if part", "(hour if part"),
    # scores and marginals
    of("scores", "(below + upto - 1) / 2", "below.to(grid.dtype)"),
    of("scores", "tail < 0.02425", "tail < 0.3"),
    of(
        "scores",
        "(steps_of <= each)",
        "(steps_of < each)",
        "tests/components/encoders/test_table_encoders.py",
    ),
    of("scores", ".clamp(EDGE, 1 - EDGE)", ""),
    of("scores", "torch.lerp(low, high, place - left)", "low"),
    of("marginals", "torch.where(u < self.missing, torch.nan, out)", "out"),
    of("marginals", "torch.where(self.whole, values.round(), values)", "values"),
    of("marginals", "torch.where(self.steps, (p * last).round() / last, p)", "p"),
    of("marginals", "counts[0] = 0", "pass"),
    of("marginals", "persistent=False", "persistent=True"),
    # views
    of("views", "chosen(uniform(features), how.corrupt", "chosen(uniform(features), 0.5 * how.corrupt"),
    of("views", "marginals.draw(uniform(features)), view)", "view.roll(1, 0), view)"),
    of("views", "torch.special.ndtri(rank) + noise", "torch.special.ndtri(rank) - 2 * noise"),
    of("views", "UNCHANGED = TableView(corrupt=0)", "UNCHANGED = TableView()"),
    of("views", "max(whole.drop, LOCAL)", "whole.drop"),
    of("views", "share * cells + extra", "share * cells"),
    # plain, show, serve, suit
    of("plain", "scores, gone.to(scores.dtype)", "gone.to(scores.dtype), scores"),
    of("plain", "(codes < 0) | ", ""),
    of("show", "escape(text if", "(text if"),
    of("show", '.replace(".", column.style)', ""),
    of("serve", "and name not in config.left_out", ""),
    of("serve", "texts[column.name] = text.replace", "text.replace"),
    of("serve", ".strip().lower(): cell", ".strip(): cell"),
    of("suit", "== survey.values == self.rows and", "> 0 and"),
    of("suit", "gaps[most] >= GAPS", "True"),
    of("suit", "if len(self.distinct) > 1 or", "if"),
    of("suit", "if target is not None and self.config.target is None", "if target is not None"),
    # modality
    of("modality", 'self.config.changes == "refuse" and', "False and"),
    of("modality", "is not packing:", "is None:", MODALITY, mirrored("components/modalities/table/serve.py")),
    of("modality", "serve.encoded(value, self.config, packing)", "serve.encoded(value, self.config)"),
    # baseline and detect
    of("baseline", "x[~out], labels[~out]", "x, labels"),
    of("baseline", "whole[:, present] = p", "whole[:, : len(present)] = p[:, ::-1]"),
    of("baseline", "+ shift) % count", ") % count"),
    of("detect", "np.isnan(rows[:, place]), middle", "np.isnan(rows[:, place]), 0.0"),
    of("detect", "-np.log(seen", "np.log(seen"),
    of("detect", "counts.sum() + 1", "counts.sum()"),
    of("check", "for name in sorted(columns)]", "for name in columns]"),
    of("read", "for column in cells if column not in out)", "for column in cells)"),
    # near_duplicates
    of("near_duplicates", "2 * np.log2(len(rows)) + SPARE", "SPARE"),
    of("near_duplicates", "(columns.bits(a) >= needed) & ", ""),
    of("near_duplicates", "_agree(a, b, columns) & ", ""),
    of("near_duplicates", "first[moved] = np.minimum", "first[moved] = np.maximum"),
    of("near_duplicates", "(gone & np.isnan(b))", "gone"),
    of("near_duplicates", "np.where(noisy, TOLERANCE * (high - low), 0.0)", "TOLERANCE * (high - low)"),
    of("near_duplicates", "chunk[:, exact] + np.float32(0)", "chunk[:, exact]"),
    of("near_duplicates", "np.where(np.isnan(chunk[:, exact]), np.float32(np.nan), ", "("),
    of("near_duplicates", "for shift in (0.0, 0.5)", "for shift in (0.0,)"),
    of("near_duplicates", "order = order[~begins]", "return"),
    of("near_duplicates", "np.isnan(column), 0.0", "np.isnan(column), 5.0"),
    of("near_duplicates", "root = first[one]", "root = one"),
]
