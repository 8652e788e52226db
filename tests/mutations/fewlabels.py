"""Deliberate errors in the losses of labels, in self-training, in the generative methods and those of domains."""

from tests.mutations.base import Mutation

LOSS = ("tests/components/semisupervised/parts/test_loss.py",)
MIXING = ("tests/components/semisupervised/parts/test_mixing.py",)
DOMAINS = ("tests/components/semisupervised/test_adaptation.py",)
MADE = ("tests/components/semisupervised/test_generative.py",)

MUTATIONS = [
    Mutation("supervised_loss", "(weights * each).sum() / len(logits)", "(weights * each).mean() * 2"),
    Mutation("supervised_loss", "each + config.memory", "each - config.memory"),
    Mutation("smoothed", "return (1 - amount) * given", "return given", LOSS),
    Mutation("adjusted", "else logits + tau", "else logits - tau", LOSS),
    Mutation("adjusted", "tau * prior.clamp", "prior.clamp", LOSS),
    Mutation("mean_entropy", "return -(log_p.exp()", "return (log_p.exp()", LOSS),
    Mutation("generalised", ".sum(dim=1) / q", ".sum(dim=1)", LOSS),
    Mutation("symmetric", "- beta * given", "+ beta * given", LOSS),
    Mutation("early", "remembered.detach()", "remembered", LOSS),
    Mutation("robust.remember", "total / counts.unsqueeze(1)", "total", LOSS),
    Mutation("mixup.mixed", "(1 - weight) * other", "weight * other", MIXING),
    Mutation("partners", "other[order] = order.roll(-1)", "other = order.roll(-1)", MIXING),
    Mutation("beta", "logs.logsumexp(dim=2) <= 0", "logs.logsumexp(dim=2) > 0", MIXING),
    Mutation(
        "cutmix.cut",
        "torch.where(box.unsqueeze(1), other, own)",
        "torch.where(box.unsqueeze(1), own, other)",
        MIXING,
    ),
    Mutation("cutmix.cut", "side = (1 - share).sqrt()", "side = 1 - share", MIXING),
    Mutation("mix_rows", "mixed(here, theirs, cutted[0][1])", "mixed(here, theirs, share)"),
    Mutation("pseudo_label_loss", "(mask * each).mean(), mask", "each[mask].mean(), mask"),
    Mutation("pseudo_label_loss", "softmax(dim=1).max(dim=1)", "softmax(dim=1).min(dim=1)"),
    Mutation("ramp", "- start) / (full - start)", "- start) / full"),
    Mutation("admit", "descending=True", "descending=False"),
    Mutation("admit", "len(named) * part", "len(named)"),
    Mutation(
        "Selftraining.before_epoch", "float(self.least) if self.least < 1 else config.floor", "config.floor"
    ),
    Mutation(
        "Selftraining.forward",
        "self.admitted[rows], self.confidence[rows])",
        "self.admitted[rows], torch.ones_like(self.confidence[rows]))",
    ),
    Mutation("_Reverse.backward", "grads[0] * -strength", "grads[0] * strength", DOMAINS),
    Mutation("ganin", "torch.tanh(5 *", "torch.tanh(10 *", DOMAINS),
    Mutation(
        "domain_loss", "softplus(-at_least_float32(target))", "softplus(at_least_float32(target))", DOMAINS
    ),
    Mutation("covariance", "(len(x) - 1)", "len(x)", DOMAINS),
    Mutation("covariance", "centred = x - x.mean(dim=0)", "centred = x", DOMAINS),
    Mutation("coral_loss", "(4 * source.shape[1] ** 2)", "4", DOMAINS),
    Mutation("mmd_loss", "-1 / len(target)", "1 / len(target)", DOMAINS),
    Mutation("mmd_loss", "(factor * width)", "width", DOMAINS),
    Mutation("mmd_loss", "squares.detach().mean()", "squares.detach().amax()", DOMAINS),
    Mutation("s4l.turned", "rot90(quarter, (2, 3))", "rot90(quarter, (3, 2))"),
    Mutation("exemplar_loss", "farthest - nearest", "nearest - farthest"),
    Mutation("exemplar_loss", "masked_fill(same, torch.inf)", "masked_fill(same, 9.0)"),
    Mutation("S4l.forward", "repeat_interleave(len(upright))", "repeat(len(upright))"),
    Mutation("gaussian_kl", "- 1 - log_variance", "- 1 + log_variance", MADE),
    Mutation("class_bound", "+ kl - log_prior", "+ kl + log_prior", MADE),
    Mutation("unlabelled_bound", "(bounds + log_q)", "(bounds - log_q)", MADE),
    Mutation("M2.forward", "(known * bounds[:labelled]).sum(dim=1)", "bounds[:labelled].sum(dim=1)", MADE),
    Mutation("real_or_made", "softplus(-known)", "softplus(known)", MADE),
    Mutation("feature_matching", "at_least_float32(real.detach())", "at_least_float32(real)", MADE),
    Mutation("Ssgan.forward", "made.detach(), learning=True", "made, learning=True", MADE),
    Mutation("looked_at", "parameter if learning else parameter.detach()", "parameter", MADE),
    Mutation("looked_at", "buffer.clone()", "buffer", MADE),
    Mutation("sharpness", "dtype=x.dtype) / 13", "dtype=x.dtype) / 9"),
    Mutation("autocontrast", "(high - low).clamp(min=1e-6)", "high.clamp(min=1e-6)"),
    Mutation("_shifted", "moved[..., axis] += 2 * amount", "moved[..., axis] -= 2 * amount"),
    Mutation("rotate", "_either(u, 30.0)", "-_either(u, 30.0)"),
]
