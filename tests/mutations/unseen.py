"""Deliberate errors in the battery of unseen sets and in published encoders."""

from tests.mutations.base import Mutation

MEASURE = ("tests/benchmarks/unseen/test_measure.py", "-m", "not slow")
PUBLISHED = ("tests/components/encoders/test_published.py",)

MUTATIONS = [
    Mutation("plan.cells", "if SETS[name].half != half:", "if False:"),
    Mutation("plan.cells", 'if (draw == 0 or number != "all")', "if True"),
    Mutation("unseen.lines.done", "and line.error is None}", "}"),
    Mutation("lines.append", '(b"\\n" if torn else b"")', 'b""'),
    Mutation("unseen.results.rows", "newest[line.name, line.labels] == line.code", "newest"),
    Mutation("margin.right", "[np.isin(unpack(line.tests), common)]", ""),
    Mutation("unseen.results._row", "if column != MODEL]", "]"),
    Mutation("unseen.results.results", "worst = min(found", "worst = max(found"),
    Mutation(
        "Scratch.answers", "packed=self.material.packed.select(self.tests)", "packed=self.material.packed"
    ),
    Mutation("Scratch.rate", "np.flatnonzero(of != k), np", "np.flatnonzero(of == k), np"),
    Mutation("product.selfsup", "end(process, token)", "pass", MEASURE),
    Mutation("unseen.measure.measure", "if cell not in finished and", "if", MEASURE),
    Mutation("unseen.product.run", "shutil.rmtree(folder, ignore_errors=True)", "pass", MEASURE),
    Mutation("SameConv.forward", "pads += [pad // 2, pad - pad // 2]", "pads += [pad - pad // 2, pad // 2]"),
    Mutation("efficientnet_lite._ours", "(_TIMM_FIRST if stage == 0 else _TIMM)", "_TIMM"),
    Mutation(
        "efficientnet_lite", "MEAN, STD = 127 / 255, 128 / 255", "MEAN, STD = 128 / 255, 127 / 255", PUBLISHED
    ),
    Mutation("Published.train", "return super().train(False)", "return super().train(mode)"),
    Mutation("published._tensors", "weights_only=True", "weights_only=False"),
    Mutation("_in_package", ":= sha256_of(file)) != weights.sha256:", ":= sha256_of(file)) is None:"),
    Mutation("hub._copy", "if digest.hexdigest() != wanted.sha256:", "if False:"),
    Mutation("_refuse_other", "if found and found[1] != wanted.sha256:", "if False:"),
    Mutation("hub._opened", 'if urlsplit(url).scheme not in ("http", "https"):', "if False:"),
    Mutation(
        "hub.fetched", "if target.exists() and sha256_of(target) == wanted.sha256:", "if target.exists():"
    ),
]
