"""Deliberate errors in the consistency methods."""

from tests.mutations.base import Mutation

RAMPS = ("tests/components/semisupervised/parts/test_ramps.py", "-m", "not slow")
SHARPENING = ("tests/components/semisupervised/parts/test_sharpening.py", "-m", "not slow")
ALIGNMENT = ("tests/components/semisupervised/parts/test_alignment.py", "-m", "not slow")
CONSISTENCY = ("tests/components/semisupervised/test_consistency.py", "-m", "not slow")
BATCHNORM = ("tests/components/semisupervised/parts/test_batchnorm.py", "-m", "not slow")
PIMODEL = ("tests/components/semisupervised/test_pimodel.py", "-m", "not slow")
MEANTEACHER = ("tests/components/semisupervised/test_meanteacher.py", "-m", "not slow")
TEMPORAL = ("tests/components/semisupervised/test_temporal.py", "-m", "not slow")
VAT = ("tests/components/semisupervised/test_vat.py", "-m", "not slow")
UDA = ("tests/components/semisupervised/test_uda.py", "-m", "not slow")
FLEXMATCH = ("tests/components/semisupervised/test_flexmatch.py", "-m", "not slow")
FREEMATCH = ("tests/components/semisupervised/test_freematch.py", "-m", "not slow")
SOFTMATCH = ("tests/components/semisupervised/test_softmatch.py", "-m", "not slow")
ADAMATCH = ("tests/components/semisupervised/test_adamatch.py", "-m", "not slow")
MIXMATCH = ("tests/components/semisupervised/test_mixmatch.py", "-m", "not slow")
SIMMATCH = ("tests/components/semisupervised/test_simmatch.py", "-m", "not slow")

MUTATIONS = [
    Mutation("gaussian", "-5 * (1 -", "-4 * (1 -", RAMPS),
    Mutation("ramps.linear", ".clamp(max=1)", "", RAMPS),
    Mutation("half_cosine", "(1 - torch.cos", "(1 + torch.cos", RAMPS),
    Mutation("sharpen", "log_p / temperature", "log_p * temperature", SHARPENING),
    Mutation("sharpen", "dim=1", "dim=0", SHARPENING),
    Mutation("alignment.aligned", "logits + wanted", "logits - wanted", ALIGNMENT),
    Mutation("alignment.aligned", "- mean.clamp", "+ mean.clamp", ALIGNMENT),
    Mutation("everywhere", "values.detach().mean", "values.mean", ALIGNMENT),
    Mutation("Consistency.combined", "(1 - self.progress)", "self.progress", CONSISTENCY),
    Mutation(
        "Consistency.combined", "self.config.weight * ramp * unsupervised", "ramp * unsupervised", CONSISTENCY
    ),
    Mutation("Consistency.combined", "+ fading * pseudo", "", CONSISTENCY),
    Mutation(
        "squared_difference",
        "(at_least_float32(logits).softmax(dim=1) - target)",
        "(at_least_float32(logits) - target)",
        CONSISTENCY,
    ),
    Mutation("frozen_bn_stats", "buffer.clone()", "buffer", BATCHNORM),
    Mutation(
        "Pimodel.forward",
        "at_least_float32(second).softmax(dim=1))",
        "at_least_float32(second).softmax(dim=1).detach())",
        PIMODEL,
    ),
    Mutation(
        "Pimodel.forward", 'unsupervised, {"ramp": ramp}, ramp', 'unsupervised, {"ramp": ramp}', PIMODEL
    ),
    Mutation("Pimodel.forward", "at_least_float32(second)", "at_least_float32(first)", PIMODEL),
    Mutation(
        "Meanteacher.forward",
        "student = self.head(features)",
        "student = self.head(features).detach()",
        MEANTEACHER,
    ),
    Mutation(
        "Meanteacher.forward", "first[:known], parts.strong[0])", "first[:known], first[known:])", MEANTEACHER
    ),
    Mutation(
        "Meanteacher.forward",
        "squared_difference(student, at_least_float32(target)",
        "squared_difference(target, at_least_float32(student).detach()",
        MEANTEACHER,
    ),
    Mutation("Meanteacher.forward", "with torch.no_grad():", "with torch.enable_grad():", MEANTEACHER),
    Mutation("Meanteacher.after_step", "self.head), tau)", "self.head), 1 - tau)", MEANTEACHER),
    Mutation("Meanteacher.forward", "self.head), 0.0)", "self.head), 1.0)", MEANTEACHER),
    Mutation(
        "temporal.remember",
        "momentum * bank[once] + (1 - momentum) * mean",
        "(1 - momentum) * bank[once] + momentum * mean",
        TEMPORAL,
    ),
    Mutation("ensembled", "1 - momentum ** seen", "1 + 0 * momentum ** seen", TEMPORAL),
    Mutation("Temporal.forward", "((known > 0) * distance)", "distance", TEMPORAL),
    Mutation("temporal.remember", " / torch.bincount(where, minlength=len(once)).unsqueeze(1)", "", TEMPORAL),
    Mutation(
        "Vat.forward",
        "divergence(log_p, logits(x + length * d)",
        "-divergence(log_p, logits(x + length * d)",
        VAT,
    ),
    Mutation("Vat.forward", "clean.detach().log_softmax(dim=1)", "clean.log_softmax(dim=1)", VAT),
    Mutation("vat.divergence", "F.kl_div(log_q, log_p", "F.kl_div(log_p, log_q", VAT),
    Mutation("adversarial", "d = unit(slope)", "d = unit(slope + d)", VAT),
    Mutation("Vat.forward", "with frozen_bn_stats(encoder):", "if True:", VAT),
    Mutation("vat.unit", "F.normalize(d.flatten(1), dim=1)", "F.normalize(d.flatten(1), dim=0)", VAT),
    Mutation("uda_loss", "weak_logits.detach()", "weak_logits", UDA),
    Mutation("uda_loss", "sharpen(log_p, temperature)", "sharpen(log_p, 1.0)", UDA),
    Mutation("uda_loss", "(mask * each).mean()", "each[mask].mean()", UDA),
    Mutation("Uda.supervised", "sure < ceiling", "sure > ceiling", UDA),
    Mutation("Uda.supervised", "counts / share", "counts / 1.0 + 0 * share", UDA),
    Mutation("thresholds", "learnt / (2 - learnt)", "learnt", FLEXMATCH),
    Mutation("thresholds", "counts.max()", "counts[1:].max()", FLEXMATCH),
    Mutation("class_threshold_loss", "threshold[target]", "threshold.max()", FLEXMATCH),
    Mutation(
        "class_threshold_loss", "weak_logits.detach().softmax(dim=1)", "weak_logits.detach()", FLEXMATCH
    ),
    Mutation(
        "Flexmatch.consistency",
        "confidence >= self.config.threshold",
        "confidence >= limits[target]",
        FLEXMATCH,
    ),
    Mutation("own_thresholds", "confidence * mean / mean.max()", "confidence * mean", FREEMATCH),
    Mutation(
        "unfairness", "torch.where(histogram > 0, mean / histogram.clamp(min=1e-12), 0.0)", "mean", FREEMATCH
    ),
    Mutation("unfairness", "sums / counts.clamp(min=1)", "sums", FREEMATCH),
    Mutation(
        "Freematch.follow", "step = 1 - self.config.momentum", "step = self.config.momentum / 2", FREEMATCH
    ),
    Mutation(
        "Freematch.consistency",
        "loss + self.config.fairness * unfair",
        "loss - self.config.fairness * unfair",
        FREEMATCH,
    ),
    Mutation("truncated", ".clamp(max=0)", "", SOFTMATCH),
    Mutation("truncated", "* sharpness**2", "* sharpness", SOFTMATCH),
    Mutation(
        "softmatch_loss", "weak_logits.detach().argmax(dim=1)", "strong_logits.argmax(dim=1)", SOFTMATCH
    ),
    Mutation("Softmatch.confidence", "max(count - 1, 1)", "count", SOFTMATCH),
    Mutation("softmatch_loss", "weights.detach()", "weights", SOFTMATCH),
    Mutation("adamatch_loss", "own, weak = own.detach(), weak.detach()", "own, weak = own, weak", ADAMATCH),
    Mutation(
        "adamatch_loss",
        "everywhere(said), everywhere(weak.softmax(dim=1))",
        "everywhere(weak.softmax(dim=1)), everywhere(said)",
        ADAMATCH,
    ),
    Mutation("adamatch_loss", "threshold * everywhere(said.amax(dim=1))", "threshold", ADAMATCH),
    Mutation(
        "Adamatch.forward",
        "share * at_least_float32(alone) + (1 - share) * at_least_float32(joint)",
        "at_least_float32(joint)",
        ADAMATCH,
    ),
    Mutation("Adamatch.forward", "with frozen_bn_stats(encoder):", "if True:", ADAMATCH),
    Mutation("guessed", "return sharpen(mean.clamp(min=1e-12).log(), temperature)", "return mean", MIXMATCH),
    Mutation(
        "Mixmatch.forward",
        "gather(mine.detach())[other], share)",
        "gather(mine.detach())[other], 1 - share)",
        MIXMATCH,
    ),
    Mutation("Mixmatch.draw", "torch.maximum(share, 1 - share)", "share", MIXMATCH),
    Mutation("guessed", "first.detach().softmax(dim=1) +", "first.softmax(dim=1) +", MIXMATCH),
    Mutation(
        "Mixmatch.forward",
        "weight * shares(parts.targets, guess.shape[1]) + (1 - weight) * guess[:size]",
        "shares(parts.targets, guess.shape[1])",
        MIXMATCH,
    ),
    Mutation(
        "Mixmatch.forward",
        "squared_difference(logits[size:], target[size:])",
        "-squared_difference(logits[size:], target[size:])",
        MIXMATCH,
    ),
    Mutation("calibrated", "q * p[:, classes]", "q", SIMMATCH),
    Mutation("calibrated", "share * p + (1 - share) * summed", "(1 - share) * p + share * summed", SIMMATCH),
    Mutation("Simmatch.forward", "self.projection(weakly).detach()", "self.projection(weakly)", SIMMATCH),
    Mutation("Simmatch.forward", "there @ queue.T / self.config.temperature", "there @ queue.T", SIMMATCH),
    Mutation("Simmatch.forward", "torch.where(weight > 0, known, -1)", "known", SIMMATCH),
]
