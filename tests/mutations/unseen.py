"""Deliberate errors in the battery of unseen sets and in published encoders."""

from tests.mutations.base import Mutation

PLAN = ("tests/benchmarks/unseen/test_plan.py",)
LINES = ("tests/benchmarks/unseen/test_lines.py",)
RESULTS = ("tests/benchmarks/unseen/test_results.py",)
BESIDE = ("tests/benchmarks/unseen/test_beside.py",)
NETWORK = ("tests/components/encoders/test_efficientnet_lite.py",)
PUBLISHED = ("tests/components/encoders/test_published.py",)
MEASURE = ("tests/benchmarks/unseen/test_measure.py", "-m", "not slow")
HUB = ("tests/components/encoders/test_hub.py",)
ROWS = "benchmarks/unseen/results.py"
OTHERS = "benchmarks/unseen/beside.py"
LITE = "components/encoders/efficientnet_lite.py"
SERVED = "components/encoders/published.py"
FETCH = "components/encoders/hub.py"

MUTATIONS = [
    Mutation("benchmarks/unseen/plan.py", "if SETS[name].half != half:", "if False:", PLAN),
    Mutation("benchmarks/unseen/plan.py", 'if (draw == 0 or number != "all")', "if True", PLAN),
    Mutation("benchmarks/unseen/lines.py", "and line.error is None}", "}", LINES),
    Mutation("benchmarks/unseen/lines.py", '(b"\\n" if torn else b"")', 'b""', LINES),
    Mutation(ROWS, "newest[line.name, line.labels] == line.code", "newest", RESULTS),
    Mutation(ROWS, "[np.isin(unpack(line.tests), common)]", "", RESULTS),
    Mutation(ROWS, "if column != MODEL]", "]", RESULTS),
    Mutation(ROWS, "worst = min(found", "worst = max(found", RESULTS),
    Mutation(OTHERS, "packed=self.material.packed.select(self.tests)", "packed=self.material.packed", BESIDE),
    Mutation(OTHERS, "np.flatnonzero(of != k), np", "np.flatnonzero(of == k), np", BESIDE),
    Mutation("benchmarks/unseen/product.py", "end(process, token)", "pass", MEASURE),
    Mutation("benchmarks/unseen/measure.py", "if cell not in finished and", "if", MEASURE),
    Mutation("benchmarks/unseen/product.py", "shutil.rmtree(folder, ignore_errors=True)", "pass", MEASURE),
    Mutation(LITE, "pads += [pad // 2, pad - pad // 2]", "pads += [pad - pad // 2, pad // 2]", NETWORK),
    Mutation(LITE, "(_TIMM_FIRST if stage == 0 else _TIMM)", "_TIMM", NETWORK),
    Mutation(LITE, "MEAN, STD = 127 / 255, 128 / 255", "MEAN, STD = 128 / 255, 127 / 255", PUBLISHED),
    Mutation(SERVED, "return super().train(False)", "return super().train(mode)", PUBLISHED),
    Mutation(SERVED, "weights_only=True", "weights_only=False", PUBLISHED),
    Mutation(SERVED, ":= sha256_of(file)) != weights.sha256:", ":= sha256_of(file)) is None:", PUBLISHED),
    Mutation(FETCH, "if digest.hexdigest() != wanted.sha256:", "if False:", HUB),
    Mutation(FETCH, "if found and found[1] != wanted.sha256:", "if False:", HUB),
    Mutation(FETCH, 'if urlsplit(url).scheme not in ("http", "https"):', "if False:", HUB),
    Mutation(FETCH, "if target.exists() and sha256_of(target) == wanted.sha256:", "if target.exists():", HUB),
]  # fmt: skip
