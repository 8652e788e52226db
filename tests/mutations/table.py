"""Deliberate errors in tables as a kind of data."""

from tests.mutations.base import Mutation

READ = ("tests/components/modalities/table/test_read.py",)
PACK = ("tests/components/modalities/table/test_pack.py",)
TABLE_ENCODERS = ("tests/components/encoders/test_table_encoders.py",)
COLUMNS = ("tests/pipelines/stages/test_ingest.py", "-k", "columns")
SNAPSHOT = ("tests/pipelines/stages/snapshot/test_stage.py", "-k", "refusal or task")
FORGET = ("tests/pipelines/maintenance/forget/test_deliveries.py",)
MODALITY = (
    "tests/components/modalities/table/test_modality.py",
    "tests/components/modalities/table/test_serve.py",
)

MUTATIONS = [
    # config
    Mutation(
        "TableConfig._small", "name.strip().lower() if name else None", "name.strip() if name else None", READ
    ),
    Mutation("TablePacking.reads", "self.layout == other.layout", "True", PACK),
    Mutation("TableConfig.left_out", "(self.key, self.time)", "(self.key,)", READ),
    # cells
    Mutation("cells.number", "CODE.match(body) or ", ""),
    Mutation("cells.number", "abs(value) <= LARGEST", "True"),
    Mutation("cells.number", '.replace(",", ".")', ""),
    Mutation("cells.truth", "1.0 if word in TRUE", "1.0 if word in FALSE"),
    Mutation("days", "seconds / 86400", "seconds / 3600"),
    Mutation("cells.moments", "utc=True", "utc=False"),
    Mutation("text_of", '"true" if value else "false"', '"false" if value else "true"'),
    Mutation("text_of", "and float(value).is_integer()", "and True"),
    # block
    Mutation("_at_once", "cells != len(data) * len(known)", "False"),
    Mutation("_at_once", "table.num_rows != len(data) or", ""),
    Mutation("Texts.__init__", "text is not None and text not in missing]", "text is not None]"),
    Mutation("Texts.__init__", "pc.and_not(pc.is_valid(column), gone)", "pc.is_valid(column)"),
    Mutation("Texts.plain_numbers", "if not odd and bool", "if bool"),
    Mutation("Texts.plain_numbers", "<= 1e30).all()", "<= 1e300).all()"),
    Mutation("of_rows", "sum(name not in row for row in rows)", "sum(name in row for row in rows)"),
    # check
    Mutation("table.check", "sort_keys=True", "sort_keys=False"),
    Mutation("table.check._reason", "len(data) > limits.max_bytes", "False"),
    Mutation("check.parsed", "(ValueError, RecursionError)", "ValueError"),
    Mutation("check.parsed", "value is None or type(value) is str", "True"),
    Mutation("table.check._reason", "len(row) > limits.max_columns", "False"),
    Mutation("table.check._reason", 'else "empty row"', "else None"),
    # read
    Mutation("table.read._of_text", "if len(values) != width:", "if len(values) > width:"),
    Mutation("TableReader.is_table", "if is_label_file(path):", "if False:"),
    Mutation("TableReader.rows", 'f"{delivery}#{number}"', 'f"{delivery}#{line}"'),
    Mutation("TableReader.rows", "self._need(cells)\n", "pass\n"),
    Mutation("table.read._of_text", "text or None for text in pick", "text for text in pick"),
    Mutation("read._of_json", "if more := set(row).difference(names):", "if False:"),
    Mutation(
        "table.read._of_parquet",
        "[text_of(value) for value in column.to_pylist()]",
        "[str(value) for value in column.to_pylist()]",
    ),
    Mutation("TableReader.founded", 'if self.config.changes == "refuse":', "if True:", COLUMNS),
    Mutation("TableReader.rows", "self._unchanged(", "list(", COLUMNS),
    Mutation("Growing.__init__", "if not any(map(mended, record.quarantined))", "", COLUMNS),
    Mutation("Reading.misfits", "any(name in row for name in self.unknown) or", "", PACK),
    Mutation("table.pack.judge", "reading.retyped.add(name)", "pass", PACK),
    Mutation("deliveries_of", "if place in places", "", SNAPSHOT),
    Mutation("snapshot.stage.run", "if task.numeric else", "if not targets.classes else", SNAPSHOT),
    Mutation(
        "forget._ids", "brought - {id for _, id in in_inbox(recipe, settings)} or brought", "brought", FORGET
    ),
    # schema
    Mutation("schema", "ENOUGH = 0.995", "ENOUGH = 0.5"),
    Mutation("Survey.kind", " and len(self.units) <= 1", ""),
    Mutation("Survey.categories", "count >= self.config.rare", "count >= 1"),
    Mutation("Survey.categories", "(-item[1], item[0])", "(item[1], item[0])"),
    Mutation("schema.parts", "hours // 24 + 3", "hours // 24 + 4", PACK),
    Mutation("Survey._forget", "while len(self.counts) > DISTINCT:", "while False:"),
    Mutation("schema.described", "+ bool(survey.missing) <= 1", "<= 1"),
    Mutation("_of_date", "if len(weekdays) > 1:", "if True:"),
    Mutation("Survey._add_one_by_one", "self.numbers[point] < LIKELY * self.values", "True"),
    Mutation("infer", "if unknown := sorted", "if unknown := 0 * sorted"),
    Mutation("Survey.__init__", "order[config.dates]", "order[None]"),
    # pack
    Mutation("pack.Reading.__init__", "start=FIRST", "start=0"),
    Mutation("Reading.read", "out[where, place] = found", "out[: len(where), place] = found"),
    Mutation("Reading._column", "np.where(np.isnan(found), OTHER, found)", "found"),
    Mutation(
        "table.pack.statistics",
        "places[np.linspace(0, len(places) - 1, SAMPLES).astype(np.int64)]",
        "places[:SAMPLES]",
    ),
    Mutation("table.pack.statistics", "rows[places, place]", "rows[:, place]"),
    Mutation("pack.write", "infer(_blocks(encoded()", "infer(_blocks(list(encoded())[:1]"),
    Mutation("pack.write", "if before is None:\n        schema, notes", "if True:\n        schema, notes"),
    Mutation("_retyped", "return odd > RETYPED * seen", "return False"),
    Mutation("_retyped", "return odd > ENOUGH * seen and not", "return odd > ENOUGH * seen and"),
    Mutation("pack.judge", 'reading.config.changes == "refuse"', "False"),
    Mutation("pack._rows", "{seen + place: reason", "{place: reason"),
    Mutation("pack.write", "write_header(out, np.float32, (written.samples, width))", "pass"),
    Mutation("pack._part", "(weekday if part", "(hour if part"),
    # scores and marginals
    Mutation("scores.ranks", "(below + upto - 1) / 2", "below.to(grid.dtype)"),
    Mutation("_normal_by_fractions", "tail < 0.02425", "tail < 0.3"),
    Mutation("scores.ranks", "(steps_of <= each)", "(steps_of < each)", TABLE_ENCODERS),
    Mutation("scores.normal_scores", ".clamp(EDGE, 1 - EDGE)", ""),
    Mutation("at_rank", "torch.lerp(low, high, place - left)", "low"),
    Mutation("Marginals.draw", "torch.where(u < self.missing, torch.nan, out)", "out"),
    Mutation("Marginals._numbers", "torch.where(self.whole, values.round(), values)", "values"),
    Mutation("Marginals._numbers", "torch.where(self.steps, (p * last).round() / last, p)", "p"),
    Mutation("marginals._shares", "counts[0] = 0", "pass"),
    Mutation("Marginals.__init__", "persistent=False", "persistent=True"),
    # views
    Mutation(
        "TableViews.augment",
        "chosen(uniform(features), how.corrupt",
        "chosen(uniform(features), 0.5 * how.corrupt",
    ),
    Mutation("TableViews.augment", "marginals.draw(uniform(features)), view)", "view.roll(1, 0), view)"),
    Mutation(
        "TableViews._noisy", "torch.special.ndtri(rank) + noise", "torch.special.ndtri(rank) - 2 * noise"
    ),
    Mutation("table.views", "UNCHANGED = TableView(corrupt=0)", "UNCHANGED = TableView()"),
    Mutation("TableViews.roles", "max(whole.drop, LOCAL)", "whole.drop"),
    Mutation("views.chosen", "share * cells + extra", "share * cells"),
    # plain, show, serve, suit
    Mutation("plain.plain", "scores, gone.to(scores.dtype)", "gone.to(scores.dtype), scores"),
    Mutation("codes_of", "(codes < 0) | ", ""),
    Mutation("show._short", "escape(text if", "(text if"),
    Mutation("show.cell", '.replace(".", column.style)', ""),
    Mutation("table.serve.encoded", "and name not in config.left_out", ""),
    Mutation("table.serve.encoded", "texts[column.name] = text.replace", "text.replace"),
    Mutation("table.serve.encoded", ".strip().lower(): cell", ".strip(): cell"),
    Mutation("TableLook.key", "== survey.values == self.rows and", "> 0 and"),
    Mutation("TableLook.target", "gaps[most] >= GAPS", "True"),
    Mutation("TableLook.useless", "if len(self.distinct) > 1 or", "if"),
    # modality
    Mutation("Tables.stored", 'self.config.changes == "refuse" and', "False and"),
    Mutation("Tables.stored", "is not packing:", "is None:", MODALITY),
    Mutation(
        "Tables.row_of", "serve.encoded(value, self.config, packing)", "serve.encoded(value, self.config)"
    ),
    # baseline and detect
    Mutation("_likelihoods", "x[~out], labels[~out]", "x, labels"),
    Mutation("baseline._spread", "whole[:, present] = p", "whole[:, : len(present)] = p[:, ::-1]"),
    Mutation("baseline.folds_of", "+ shift) % count", ") % count"),
    Mutation("Canonical.__init__", "for name in sorted(columns)]", "for name in columns]"),
    Mutation("TableReader.rows", "for column in cells if column not in out)", "for column in cells)"),
    # near_duplicates
    Mutation("table.near_duplicates.groups", "2 * np.log2(len(rows)) + SPARE", "SPARE"),
    Mutation("table.near_duplicates.groups", "(columns.bits(a) >= needed) & ", ""),
    Mutation("table.near_duplicates.groups", "_agree(a, b, columns) & ", ""),
    Mutation("table.near_duplicates.groups", "first[moved] = np.minimum", "first[moved] = np.maximum"),
    Mutation("_agree", "(gone & np.isnan(b))", "gone"),
    Mutation(
        "near_duplicates._columns",
        "np.where(noisy, TOLERANCE * (high - low), 0.0)",
        "TOLERANCE * (high - low)",
    ),
    Mutation("table.near_duplicates._keys", "chunk[:, exact] + np.float32(0)", "chunk[:, exact]"),
    Mutation("table.near_duplicates._keys", "np.where(np.isnan(chunk[:, exact]), np.float32(np.nan), ", "("),
    Mutation("table.near_duplicates._keys", "for shift in (0.0, 0.5)", "for shift in (0.0,)"),
    Mutation("_candidates", "order = order[~begins]", "return"),
    Mutation("Columns.bits", "np.isnan(column), 0.0", "np.isnan(column), 5.0"),
    Mutation("table.near_duplicates.groups", "root = first[one]", "root = one"),
]
