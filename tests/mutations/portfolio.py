"""Deliberate errors in the candidates, their weights and the network that several are served as."""

from tests.mutations.base import Mutation

STACKING = ("tests/components/evaluation/classification/test_stacking.py",)
CHOOSE = ("tests/pipelines/stages/finetune/test_portfolio.py",)
JUDGES = ("tests/pipelines/stages/finetune/test_judges.py",)
STAGE = (
    "tests/pipelines/stages/finetune/test_classification.py",
    "-k",
    "portfolio or leads or published or temperature or begin",
)
KEPT = ("tests/pipelines/stages/finetune/test_outputs.py",)
REPORT = ("tests/pipelines/stages/report/test_candidates.py",)
BUDGET = ("tests/pipelines/onboarding/test_init.py", "-k", "budget")
LEAD = ("tests/pipelines/stages/finetune/test_lead.py",)
FIRST = ("tests/pipelines/stages/finetune/test_classification.py", "-k", "first_seconds")
TIMELINE = ("tests/pipelines/registry/test_candidate_times.py",)
BOUGHT = ("tests/pipelines/stages/report/test_training_times.py",)
CHART = ("tests/pipelines/pages/test_timelines.py",)
NOW = ("tests/pipelines/engine/test_journal.py",)
PORTFOLIO = "pipelines/stages/finetune/portfolio.py"
LINEAR = "pipelines/stages/finetune/linear_models.py"
LEADING = "pipelines/stages/finetune/lead.py"
TIMES = "pipelines/registry/candidate_times.py"

MUTATIONS = [
    Mutation(
        "components/evaluation/classification/stacking.py", "(strength * prior + share", "(share", STACKING
    ),
    Mutation(
        "components/evaluation/classification/stacking.py", "share /= share.sum(axis=0)", "pass", STACKING
    ),
    Mutation("components/encoders/joined.py", "and m.learnt", "", CHOOSE),
    Mutation(PORTFOLIO, "(found[n], w / t)", "(found[n], w)", CHOOSE),
    Mutation(PORTFOLIO, "if weight[best] >= config.lead:", "if False:", CHOOSE),
    Mutation(PORTFOLIO, "weight >= LEAST", "weight >= 0", CHOOSE),
    Mutation(PORTFOLIO, "key=lambda part: not part[0].network", "key=lambda part: part[0].network", CHOOSE),
    Mutation(LINEAR, "linear(probe.raw())", "linear(probe.linear)", CHOOSE),
    Mutation(PORTFOLIO, "member.load_state_dict(", "member.state_dict; (", STAGE),
    Mutation("pipelines/registry/candidates.py", "if self.served in BASELINE_OF else ()", "", CHOOSE),
    Mutation(
        "pipelines/stages/finetune/cross_fit.py", "if gain <= errors * error + 1e-9", "if gain <= 0", JUDGES
    ),
    Mutation(LEADING, "key=lambda one: (-one[1]", "key=lambda one: (one[1]", LEAD),
    Mutation(LEADING, "one[1].loss))", "-one[1].loss))", LEAD),
    Mutation(LEADING, "if name in self.networks]", "]", LEAD),
    Mutation(LEADING, "if name != self.saved:", "if not self.saved:", LEAD),
    Mutation(LEADING, '"temperature": held.temperature if held else 1.0', '"temperature": 1.0', LEAD),
    Mutation(LEADING, "shutil.rmtree(self.meter.folder / EARLY", "shutil.rmtree(EARLY", LEAD),
    Mutation(
        "pipelines/stages/finetune/judges.py",
        "of, folds, material) if of",
        "of, [], material) if None",
        FIRST,
    ),
    Mutation("pipelines/stages/finetune/classification.py", "    lead.end()", "    pass", FIRST),
    Mutation(
        "pipelines/stages/finetune/classification.py",
        "from_scratch(judges.scratch, encoder_config)",
        "{}",
        FIRST,
    ),
    Mutation(TIMES, "min(began for", "max(began for", TIMELINE),
    Mutation(TIMES, "max(ended for", "min(ended for", TIMELINE),
    Mutation(TIMES, '"scratch_grid": "scratch", ', "", TIMELINE),
    Mutation(TIMES, "found = attempt or found", "found |= attempt", TIMELINE),
    Mutation("pipelines/stages/finetune/trainings.py", "if when[1] > 0}", "}", TIMELINE),
    Mutation(
        "pipelines/stages/finetune/trainings.py",
        "mmap.mmap(-1, 16 * SLOTS)",
        "bytearray(16 * SLOTS)",
        TIMELINE,
    ),
    Mutation(
        "pipelines/stages/report/training_times.py", "(best, span.accuracy) if", "(span.accuracy,) if", BOUGHT
    ),
    Mutation("pipelines/stages/report/training_times.py", '["served"] == COMMITTEE', '["served"]', BOUGHT),
    Mutation("pipelines/pages/timelines.py", "ended - began, left=began", "ended, left=began", CHART),
    Mutation("pipelines/engine/now.py", 'if "lead" in record:', "if False:", NOW),
    Mutation("pipelines/engine/now.py", "file.unlink(missing_ok=True)", "pass", NOW),
    Mutation("pipelines/engine/run_list.py", "if ended in LIVE else []", "", NOW),
    Mutation("pipelines/engine/journal.py", "LIVE = (AT_WORK, OPEN)", "LIVE = (AT_WORK,)", NOW),
    Mutation(
        "pipelines/stages/finetune/outputs.py", "agreement(first, second)", "agreement(ours, second)", KEPT
    ),
    Mutation(
        "pipelines/stages/finetune/trainings.py",
        "head if start.head else None, start.rate",
        "head, start.rate",
        STAGE,
    ),
    Mutation("pipelines/stages/report/candidates.py", "(-row[", "(row[", REPORT),
    Mutation(
        "pipelines/onboarding/recipe_template.py",
        "budget * TUNING * 2 * speed",
        "BUDGET * TUNING * 2 * speed",
        BUDGET,
    ),
    Mutation("pipelines/onboarding/recipe_template.py", "or float(found[1]) == 0", "", BUDGET),
    Mutation("pipelines/stages/finetune/outputs.py", "min(share, most)", "share", KEPT),
    Mutation(
        "pipelines/engine/progress.py",
        "made >= ENOUGH",
        "made > 0",
        ("tests/pipelines/engine/test_execute.py", "-k", "hardly"),
    ),
    Mutation(
        "pipelines/stages/finetune/judges.py",
        "cache(partial(on_plain_features, plain, material, request.seed))",
        "partial(on_plain_features, plain, material, request.seed)",
        ("tests/pipelines/stages/finetune/test_classification.py", "-k", "fitted_once"),
    ),
    Mutation(
        "pipelines/stages/finetune/portfolio.py",
        "linear(judges.on_labels.raw())",
        "linear(judges.probe.raw())",
        ("tests/pipelines/stages/finetune/test_classification.py", "-k", "fitted_once"),
    ),
]
