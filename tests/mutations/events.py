"""Deliberate errors in event histories: reading, packing, what is held out, views, encoder, objectives; and in the task
ranking: figures, simple models, the served model, stages and the gate."""

from tests.mutations.base import Mutation

PACKED = ("tests/components/modalities/events/test_packed.py",)
EVERY = ("tests/components/modalities/test_every_modality.py", "-k", "events")
PACK = ("tests/components/modalities/events/test_pack.py",)
MODEL = ("tests/components/registry/test_ranking_model.py",)
TUNE = ("tests/pipelines/stages/finetune/test_ranking.py",)
MEASURE = ("tests/pipelines/stages/evaluate/test_ranking.py",)
SASREC = ("tests/components/objectives/test_sasrec.py",)

MUTATIONS = [
    # bytes, tables
    Mutation("events.decode.events_of", "sorted(events, key=lambda event: event.time)", "events"),
    Mutation("events.decode._event", "isinstance(time, bool) or", ""),
    Mutation("events.decode._event", "or not _finite(time)", ""),
    Mutation("events.decode.encode", "*([e.kind] if e.kind else [])", "e.kind"),
    Mutation("check_events", "_reason(data, limits) for", "None for", EVERY),
    Mutation("events.check._reason", "count > limits.max_events", "count > 2 * limits.max_events"),
    Mutation("events.check._reason", "count < limits.min_events", "count < 0"),
    Mutation("events.read._samples", "np.lexsort((times, users))", "np.argsort(users, kind='stable')"),
    Mutation("events.read._samples", "if number in found.wrong:", "if False:"),
    Mutation("events.read.moment", "value.replace(tzinfo=UTC)).timestamp()", "value).timestamp() + 1"),
    Mutation("events.read._date", "found.replace(tzinfo=UTC)", "found.replace(tzinfo=UTC, hour=1)"),
    Mutation("EventsReader.count", 'len(users - {""}) + nameless', "len(users)"),
    Mutation("EventsReader.is_table", "not is_label_file(path) and", ""),
    Mutation("EventsReader.rows", "number not in found.beside", "True"),
    Mutation("events.read._name", "value.is_integer()", "False"),
    # packing, and what is held out
    Mutation("find_items", "-counts[item], item", "counts[item], item", PACK),
    Mutation("find_items", "count >= config.fewest", "True", PACK),
    Mutation("find_items", "[: config.vocabulary]", "", PACK),
    Mutation(
        "pack_events",
        "before.items if before is not None else find_items(encoded(), config)",
        "find_items(encoded(), config)",
        PACK,
    ),
    Mutation("events.pack.counting", "not event.kind or", "", PACK),
    Mutation("events.pack.numbered", "numbers.get(event.item, UNKNOWN)", "numbers.get(event.item, 3)", PACK),
    Mutation("events.pack.packing_of", "2 * config.share", "config.share", PACK),
    Mutation("EventsPacking.reads", "self.items == other.items", "True", PACK),
    Mutation("Parts.known", '1 if part == "test" else 2', "1", PACKED),
    Mutation("Parts.known", "count if count < SHORTEST else", "0 if count < SHORTEST else", PACKED),
    Mutation("Parts.known", 'side="left"', 'side="right"', PACKED),
    Mutation("Parts.target", "if 0 < place < end", "if place < end", PACKED),
    Mutation("Parts.target", 'len(times) if part == "test" else', "len(times) if True else", PACKED),
    Mutation("PackedEvents.select", ", rows, self.part", ", rows", PACKED),
    Mutation("PackedEvents.gather", "[-self.parts.length :, 0]", "[: self.parts.length, 0]", PACKED),
    Mutation("EventsViews.collate", "row[-self.packing.length :, 0]", "row[1:, 0]", EVERY),
    # views
    Mutation("events.views.cropped", "moved.masked_fill(at >= kept, PAD)", "moved"),
    Mutation("events.views.cropped", "count - kept + 1", "count - kept"),
    Mutation("events.views.reordered", ".floor()", ".ceil()"),
    Mutation("EventsViews.augment", "if how.one_of else changed", "if False else changed"),
    Mutation("EventsViews.augment", "& (view != PAD), MASK", ", MASK"),
    # encoder and objectives
    Mutation("history_transformer.visible", ".tril()", ""),
    Mutation("history_transformer.visible", "seen | torch.eye", "seen & torch.eye"),
    Mutation(
        "latest",
        "(lengths(view) - size).clamp(min=0).unsqueeze(1)",
        "(0 * lengths(view)).unsqueeze(1)",
        ("tests/components/encoders/test_history_transformer.py",),
    ),
    Mutation("HistoryTransformer.forward", "self.window - 1)", "self.window)"),
    Mutation("HistoryTransformer.forward", "count = count + 1", "pass"),
    Mutation("HistoryTransformer.items", "self.embedding.weight[FIRST:]", "self.embedding.weight[2:]"),
    Mutation("HistoryBlock._dropped", "self.training", "True"),
    Mutation("ItemCounts.forward", "counts[:, :-1].log1p()", "counts[:, :-1]"),
    Mutation(
        "next_item.windows",
        "count > size",
        "count > 0",
        ("tests/components/objectives/parts/test_next_item.py",),
    ),
    Mutation("next_item.windows", "flat + 1", "flat"),
    Mutation("next_item.windows", "(end - size).clamp(min=0)", "(end - size)"),
    Mutation(
        "item_loss",
        "math.log(len(items) - 1)",
        "math.log(len(items))",
        ("tests/components/objectives/parts/test_next_item.py",),
    ),
    Mutation(
        "item_loss",
        ".masked_fill(~other, -torch.inf)",
        "",
        ("tests/components/objectives/parts/test_next_item.py",),
    ),
    Mutation("NextItem.next_item", "asked = known(after)", "asked = after > 0", SASREC),
    Mutation("NextItem.next_item", "after[asked] - FIRST", "seen[asked] - FIRST", SASREC),
    Mutation("NextItem.drawn", "index.new_zeros(1)", "index[:1]", SASREC),
    Mutation("bert4rec.masks", "last | ~hidden.any(dim=1)", "last"),
    Mutation("bert4rec.masks", "(numbers < share) & known(seen)", "numbers < share"),
    Mutation("Bert4rec.forward", "seen.masked_fill(hidden, MASK)", "seen"),
    Mutation("Cl4srec.forward", "self.config.weight * contrast", "contrast"),
    # figures and simple models
    Mutation(
        "ranking.gains.gains_of",
        "(total[higher + equal] - total[higher]) / equal",
        "total[higher + 1] - total[higher]",
        ("tests/components/evaluation/ranking/test_gains.py",),
    ),
    Mutation(
        "ranking.gains.gains_of",
        "np.where(there,",
        "np.where(True,",
        ("tests/components/evaluation/ranking/test_gains.py",),
    ),
    Mutation("gains.totals", "np.log2(1 + place)", "np.log2(2 + place)"),
    Mutation(
        "Histories.chosen",
        "found.data[:] = 1.0",
        "pass",
        ("tests/components/evaluation/ranking/test_simple.py",),
    ),
    Mutation("ranking.simple.recency", "given.time >= since", "given.time <= since"),
    Mutation("ranking.simple.transitions", "given.user[1:] == given.user[:-1]", "given.user[1:] >= 0"),
    Mutation("ranking.simple.transitions", "(1 - SMOOTHING) * weight", "weight"),
    Mutation("ranking.simple.item_knn", "found[np.arange(len(rows)), rows] = 0", "pass"),
    Mutation("ranking.simple.ease", "-inverse / np.diag(inverse)", "-inverse / np.diag(inverse)[:, None]"),
    Mutation("ranking.simple.ease", "np.fill_diagonal(full, 0)", "pass"),
    Mutation(
        "strongest",
        "np.argsort(-found,",
        "np.argsort(found,",
        ("tests/components/evaluation/ranking/test_simple.py",),
    ),
    # the served model
    Mutation(
        "RankingModel.scores",
        "torch.where(known.any(dim=1, keepdim=True), found, self.popular)",
        "found",
        MODEL,
    ),
    Mutation("RankingModel.scores", "if not self.config.repeats:", "if self.config.repeats:", MODEL),
    Mutation("RankingModel._neighbours", "weight[rows] * there.unsqueeze(1)", "weight[rows]", MODEL),
    Mutation(
        "RankingModel._scores",
        'distinct(x) if method == "item_knn" else last_known(x)',
        "last_known(x)",
        MODEL,
    ),
    Mutation("RankingModel.see", "descending=True", "descending=False", MODEL),
    Mutation("RankingModel.recommended", "items[own]", "items", MODEL),
    Mutation("RankingModel.disagreement", "abs(a - b)", "0.0", MODEL),
    Mutation("ranking_model.distinct", "ordered[:, 1:] == ordered[:, :-1]", "False"),
    # stages and the gate
    Mutation(
        "Answerer.__init__",
        "samples.open(self.rows).whole()",
        "samples.open(self.rows)",
        ("tests/pipelines/stages/score/test_ranking.py",),
    ),
    Mutation("rankings.measured", "np.where(own >= 0, found.ndcg, 0.0)", "found.ndcg", TUNE),
    Mutation(
        "finetune.ranking.run",
        'open_events(samples, drawn(table, request), "choose")',
        'open_events(samples, drawn(table, request), "test")',
        TUNE,
    ),
    Mutation(
        "finetune.ranking.run", 'open_events(samples, rows, "test")', 'open_events(samples, rows, "train")'
    ),
    Mutation("finetune.ranking.run", "rows = table.train_rows()", "rows = np.arange(len(table))"),
    Mutation("finetune.ranking.best", "max(found", "min(found"),
    Mutation("finetune.ranking.run", "given.repeats >= REPEATED", "given.repeats < REPEATED"),
    Mutation(
        "evaluate.ranking.run",
        'open_events(samples, np.arange(len(table)), "test")',
        'open_events(samples, np.arange(len(table)), "choose")',
    ),
    Mutation("evaluate.ranking.figures", "own.ndcg - found[name].ndcg", "found[name].ndcg - own.ndcg"),
    Mutation("ranking_checks.Checks._baselines", 'said.get("method") != "encoder"', "True"),
    Mutation("ranking_checks.Checks._baselines", "lambda f: f > bound", "lambda f: f >= bound"),
    Mutation("ranking_checks.Checks._chance", 'metrics.get("ndcg_low")', 'metrics.get("ndcg")'),
    Mutation("ranking_checks.Checks.alone", "bound=0.0, passed=False", "bound=0.0, passed=True"),
    Mutation("ranking_checks.Checks.beside", "ours[user] - theirs[user]", "theirs[user] - ours[user]"),
    Mutation("ranking_checks.Checks.beside", "len(common) < self.bounds.minimum_items", "False"),
    Mutation(
        "to_label.to_label",
        "if not task_of",
        "if task_of",
        ("tests/pipelines/stages/report/test_ranking.py",),
    ),
]
