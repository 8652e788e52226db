"""Deliberate errors in the candidates, their weights and the network that several are served as."""

from tests.mutations.base import Mutation

CHOOSE = ("tests/pipelines/stages/finetune/test_portfolio.py",)
STAGE = (
    "tests/pipelines/stages/finetune/test_classification.py",
    "-k",
    "portfolio or leads or published or temperature or begin",
)
JUDGES = ("tests/pipelines/stages/finetune/test_judges.py",)
FIRST = ("tests/pipelines/stages/finetune/test_classification.py", "-k", "first_seconds")
TIMELINE = ("tests/pipelines/registry/test_candidate_times.py",)
NOW = ("tests/pipelines/engine/test_journal.py",)
BUDGET = ("tests/pipelines/onboarding/test_init.py", "-k", "budget")
EXECUTE = ("tests/pipelines/engine/test_execute.py", "-k", "hardly")
CLASSIFICATION = ("tests/pipelines/stages/finetune/test_classification.py", "-k", "fitted_once")

MUTATIONS = [
    Mutation("stacked", "(strength * prior + share", "(share"),
    Mutation("stacked", "share /= share.sum(axis=0)", "pass"),
    Mutation("Joined.embedding_dim", "and m.learnt", "", CHOOSE),
    Mutation("finetune.portfolio.choose", "(found[n], w / t)", "(found[n], w)"),
    Mutation("finetune.portfolio.weigh", "if weight[best] >= config.lead:", "if False:"),
    Mutation("finetune.portfolio.weigh", "weight >= LEAST", "weight >= 0"),
    Mutation(
        "finetune.portfolio.joined",
        "key=lambda part: not part[0].network",
        "key=lambda part: part[0].network",
    ),
    Mutation("linear_models.on_plain_features", "linear(probe.raw())", "linear(probe.linear)", CHOOSE),
    Mutation("finetune.portfolio.joined", "member.load_state_dict(", "member.state_dict; (", STAGE),
    Mutation("Portfolio.itself", "if self.served in BASELINE_OF else ()", "", CHOOSE),
    Mutation("lead_of", "if gain <= errors * error + 1e-9", "if gain <= 0", JUDGES),
    Mutation("ordered", "key=lambda one: (-one[1]", "key=lambda one: (one[1]"),
    Mutation("ordered", "one[1].loss))", "-one[1].loss))"),
    Mutation("Leaderboard.tell", "if name in self.networks]", "]"),
    Mutation("Leaderboard._keep", "if name != self.saved:", "if not self.saved:"),
    Mutation("Leaderboard._keep", '"temperature": held.temperature if held else 1.0', '"temperature": 1.0'),
    Mutation("Leaderboard.end", "shutil.rmtree(self.meter.folder / EARLY", "shutil.rmtree(EARLY"),
    Mutation("first_look", "of, folds, material) if of", "of, [], material) if None", FIRST),
    Mutation("finetune.classification.run", "    lead.end()", "    pass", FIRST),
    Mutation("finetune.classification.run", "from_scratch(judges.scratch, encoder_config)", "{}", FIRST),
    Mutation("candidate_times.spans", "min(began for", "max(began for"),
    Mutation("candidate_times.spans", "max(ended for", "min(ended for"),
    Mutation("candidate_times", '"scratch_grid": "scratch", ', ""),
    Mutation("candidate_times.read", "found = attempt or found", "found |= attempt"),
    Mutation("Meter.times", "if when[1] > 0}", "}", TIMELINE),
    Mutation("Meter.__init__", "mmap.mmap(-1, 16 * SLOTS)", "bytearray(16 * SLOTS)", TIMELINE),
    Mutation("training_times.rows", "(best, span.accuracy) if", "(span.accuracy,) if"),
    Mutation("training_times.rows", '["served"] == COMMITTEE', '["served"]'),
    Mutation("timelines.spans", "ended - began, left=began", "ended, left=began"),
    Mutation("shown.told", 'if "lead" in record:', "if False:", NOW),
    Mutation("now.shown", "file.unlink(missing_ok=True)", "pass", NOW),
    Mutation("_of_journal", "if ended in LIVE else []", "", NOW),
    Mutation("engine.journal", "LIVE = (AT_WORK, OPEN)", "LIVE = (AT_WORK,)"),
    Mutation("agreed", "agreement(first, second)", "agreement(ours, second)"),
    Mutation("method_folds.one", "head if start.head else None, start.rate", "head, start.rate", STAGE),
    Mutation("candidates.rows", "(-row[", "(row["),
    Mutation("recipe_template.suited", "budget * TUNING * 2 * speed", "BUDGET * TUNING * 2 * speed", BUDGET),
    Mutation("seconds_of", "or float(found[1]) == 0", "", BUDGET),
    Mutation("agreed", "min(share, most)", "share"),
    Mutation("Display._left", "made >= ENOUGH", "made > 0", EXECUTE),
    Mutation(
        "first_look",
        "cache(partial(on_plain_features, plain, material, request.seed))",
        "partial(on_plain_features, plain, material, request.seed)",
        CLASSIFICATION,
    ),
    Mutation("candidates_of", "linear(judges.on_labels.raw())", "linear(judges.probe.raw())", CLASSIFICATION),
]
