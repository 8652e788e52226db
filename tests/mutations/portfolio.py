"""Deliberate errors in the candidates, their weights and the network that several are served as."""

from tests.mutations.base import Mutation

STACKING = ("tests/components/evaluation/test_stacking.py",)
CHOOSE = ("tests/pipelines/finetuning/test_portfolio.py",)
JUDGES = ("tests/pipelines/finetuning/test_judges.py",)
STAGE = (
    "tests/pipelines/stages/test_finetune.py",
    "-k",
    "portfolio or leads or published or temperature or begin",
)
KEPT = ("tests/pipelines/finetuning/test_kept.py",)
REPORT = ("tests/pipelines/reporting/test_candidates.py",)
BUDGET = ("tests/pipelines/test_init.py", "-k", "budget")
LEAD = ("tests/pipelines/finetuning/test_lead.py",)
FIRST = ("tests/pipelines/stages/test_finetune.py", "-k", "first_seconds")
TIMELINE = ("tests/pipelines/finetuning/test_timeline.py",)
BOUGHT = ("tests/pipelines/reporting/test_training_times.py",)
CHART = ("tests/pipelines/reporting/test_timelines.py",)
NOW = ("tests/pipelines/test_journal.py",)
PORTFOLIO = "pipelines/finetuning/portfolio.py"
LINEAR = "pipelines/finetuning/linear_models.py"
LEADING = "pipelines/finetuning/lead.py"
TIMES = "pipelines/finetuning/timeline.py"

MUTATIONS = [
    Mutation("components/evaluation/stacking.py", "(strength * prior + share", "(share", STACKING),
    Mutation("components/evaluation/stacking.py", "share /= share.sum(axis=0)", "pass", STACKING),
    Mutation("components/encoders/joined.py", "and not isinstance(m, Pixels)", "", CHOOSE),
    Mutation(PORTFOLIO, "(found[n], w / t)", "(found[n], w)", CHOOSE),
    Mutation(PORTFOLIO, "if weight[best] >= config.lead:", "if False:", CHOOSE),
    Mutation(PORTFOLIO, "weight >= LEAST", "weight >= 0", CHOOSE),
    Mutation(PORTFOLIO, "key=lambda part: isinstance(", "key=lambda part: not isinstance(", CHOOSE),
    Mutation(LINEAR, "raw.bias + raw.weight @ mean", "raw.bias", CHOOSE),
    Mutation(PORTFOLIO, "member.load_state_dict(", "member.state_dict; (", STAGE),
    Mutation("pipelines/finetuning/candidates.py", "if self.served in BASELINE_OF else ()", "", CHOOSE),
    Mutation("pipelines/finetuning/judges.py", "if gain <= error + 1e-9:", "if gain <= 0:", JUDGES),
    Mutation(LEADING, "key=lambda one: (-one[1]", "key=lambda one: (one[1]", LEAD),
    Mutation(LEADING, "one[1].loss))", "-one[1].loss))", LEAD),
    Mutation(LEADING, "if name in self.networks]", "]", LEAD),
    Mutation(LEADING, "if name != self.saved:", "if not self.saved:", LEAD),
    Mutation(LEADING, '"temperature": held.temperature if held else 1.0', '"temperature": 1.0', LEAD),
    Mutation(LEADING, "shutil.rmtree(self.meter.folder / EARLY", "shutil.rmtree(EARLY", LEAD),
    Mutation(
        "pipelines/finetuning/judges.py", "of, folds, material) if of", "of, [], material) if None", FIRST
    ),
    Mutation("pipelines/stages/finetune.py", "    lead.end()", "    pass", FIRST),
    Mutation("pipelines/stages/finetune.py", "from_scratch(judges.scratch, encoder_config)", "{}", FIRST),
    Mutation(TIMES, "min(began for", "max(began for", TIMELINE),
    Mutation(TIMES, "max(ended for", "min(ended for", TIMELINE),
    Mutation(TIMES, '"scratch_grid": "scratch", ', "", TIMELINE),
    Mutation(TIMES, "found = attempt or found", "found |= attempt", TIMELINE),
    Mutation("pipelines/finetuning/layers.py", "if when[1] > 0}", "}", TIMELINE),
    Mutation(
        "pipelines/finetuning/layers.py", "mmap.mmap(-1, 16 * SLOTS)", "bytearray(16 * SLOTS)", TIMELINE
    ),
    Mutation(
        "pipelines/reporting/training_times.py", "(best, span.accuracy) if", "(span.accuracy,) if", BOUGHT
    ),
    Mutation("pipelines/reporting/training_times.py", '["served"] == COMMITTEE', '["served"]', BOUGHT),
    Mutation("pipelines/reporting/timelines.py", "ended - began, left=began", "ended, left=began", CHART),
    Mutation("pipelines/now.py", 'if "lead" in record:', "if False:", NOW),
    Mutation("pipelines/now.py", "file.unlink(missing_ok=True)", "pass", NOW),
    Mutation("pipelines/journal.py", "if state in LIVE else []", "", NOW),
    Mutation("pipelines/journal.py", "LIVE = (AT_WORK, OPEN)", "LIVE = (AT_WORK,)", NOW),
    Mutation("pipelines/finetuning/kept.py", "agreement(first, second)", "agreement(ours, second)", KEPT),
    Mutation(
        "pipelines/finetuning/layers.py",
        "head if start.head else None, start.rate",
        "head, start.rate",
        STAGE,
    ),
    Mutation("pipelines/reporting/candidates.py", "(-row[", "(row[", REPORT),
    Mutation("pipelines/proposal.py", "budget * TUNING * 2 * speed", "BUDGET * TUNING * 2 * speed", BUDGET),
    Mutation("pipelines/proposal.py", "or float(found[1]) == 0", "", BUDGET),
]
