"""Deliberate errors in the losses of labels, in self-training, in the generative methods and those of domains."""

from tests.mutations.base import Mutation

HERE = "tests/components/semisupervised/"
METHODS = "components/semisupervised/"
LOSS = ("tests/components/semisupervised/parts/test_loss.py",)
MIXING = ("tests/components/semisupervised/parts/test_mixing.py",)
PSEUDO = ("tests/components/semisupervised/test_pseudolabel.py",)
SELF = ("tests/components/semisupervised/test_selftraining.py",)
DOMAINS = ("tests/components/semisupervised/test_adaptation.py",)
S4L = ("tests/components/semisupervised/test_s4l.py",)
MADE = ("tests/components/semisupervised/test_generative.py",)
VIEWS = ("tests/components/modalities/image/test_randaugment.py",)
PIECES = "components/semisupervised/parts/"
RANDAUGMENT = "components/modalities/image/randaugment.py"

MUTATIONS = [
    Mutation(
        "components/semisupervised/parts/loss.py",
        "(weights * each).sum() / len(logits)",
        "(weights * each).mean() * 2",
        LOSS,
    ),
    Mutation("components/semisupervised/parts/loss.py", "each + config.memory", "each - config.memory", LOSS),
    Mutation(
        "components/semisupervised/parts/smoothing.py", "return (1 - amount) * given", "return given", LOSS
    ),
    Mutation("components/semisupervised/parts/adjustment.py", "else logits + tau", "else logits - tau", LOSS),
    Mutation("components/semisupervised/parts/adjustment.py", "tau * prior.clamp", "prior.clamp", LOSS),
    Mutation(
        "components/semisupervised/parts/entropy.py", "return -(log_p.exp()", "return (log_p.exp()", LOSS
    ),
    Mutation("components/semisupervised/parts/robust.py", ".sum(dim=1) / q", ".sum(dim=1)", LOSS),
    Mutation("components/semisupervised/parts/robust.py", "- beta * given", "+ beta * given", LOSS),
    Mutation("components/semisupervised/parts/robust.py", "remembered.detach()", "remembered", LOSS),
    Mutation("components/semisupervised/parts/robust.py", "total / counts.unsqueeze(1)", "total", LOSS),
    Mutation("components/semisupervised/parts/mixup.py", "(1 - weight) * other", "weight * other", MIXING),
    Mutation(
        "components/semisupervised/parts/mixup.py",
        "other[order] = order.roll(-1)",
        "other = order.roll(-1)",
        MIXING,
    ),
    Mutation(
        "components/semisupervised/parts/mixup.py",
        "logs.logsumexp(dim=2) <= 0",
        "logs.logsumexp(dim=2) > 0",
        MIXING,
    ),
    Mutation(
        "components/semisupervised/parts/cutmix.py",
        "torch.where(box.unsqueeze(1), other, own)",
        "torch.where(box.unsqueeze(1), own, other)",
        MIXING,
    ),
    Mutation(
        "components/semisupervised/parts/cutmix.py", "side = (1 - share).sqrt()", "side = 1 - share", MIXING
    ),
    Mutation(
        "components/semisupervised/parts/mixing.py",
        "mixed(here, theirs, cutted[0][1])",
        "mixed(here, theirs, share)",
        MIXING,
    ),
    Mutation(
        "components/semisupervised/pseudolabel.py",
        "(mask * each).mean(), mask",
        "each[mask].mean(), mask",
        PSEUDO,
    ),
    Mutation(
        "components/semisupervised/pseudolabel.py",
        "softmax(dim=1).max(dim=1)",
        "softmax(dim=1).min(dim=1)",
        PSEUDO,
    ),
    Mutation(
        "components/semisupervised/pseudolabel.py", "- start) / (full - start)", "- start) / full", PSEUDO
    ),
    Mutation("components/semisupervised/selftraining.py", "descending=True", "descending=False", SELF),
    Mutation("components/semisupervised/selftraining.py", "len(named) * part", "len(named)", SELF),
    Mutation(
        "components/semisupervised/selftraining.py",
        "float(self.least) if self.least < 1 else config.floor",
        "config.floor",
        SELF,
    ),
    Mutation(
        "components/semisupervised/selftraining.py",
        "self.admitted[rows], self.confidence[rows])",
        "self.admitted[rows], torch.ones_like(self.confidence[rows]))",
        SELF,
    ),
    Mutation("components/encoders/reversal.py", "grads[0] * -strength", "grads[0] * strength", DOMAINS),
    Mutation("components/encoders/reversal.py", "torch.tanh(5 *", "torch.tanh(10 *", DOMAINS),
    Mutation(
        "components/semisupervised/dann.py",
        "softplus(-at_least_float32(target))",
        "softplus(at_least_float32(target))",
        DOMAINS,
    ),
    Mutation("components/semisupervised/coral.py", "(len(x) - 1)", "len(x)", DOMAINS),
    Mutation("components/semisupervised/coral.py", "centred = x - x.mean(dim=0)", "centred = x", DOMAINS),
    Mutation("components/semisupervised/coral.py", "(4 * source.shape[1] ** 2)", "4", DOMAINS),
    Mutation("components/semisupervised/mmd.py", "-1 / len(target)", "1 / len(target)", DOMAINS),
    Mutation("components/semisupervised/mmd.py", "(factor * width)", "width", DOMAINS),
    Mutation(
        "components/semisupervised/mmd.py", "squares.detach().mean()", "squares.detach().amax()", DOMAINS
    ),
    Mutation("components/semisupervised/s4l.py", "rot90(quarter, (2, 3))", "rot90(quarter, (3, 2))", S4L),
    Mutation("components/semisupervised/s4l.py", "farthest - nearest", "nearest - farthest", S4L),
    Mutation(
        "components/semisupervised/s4l.py", "masked_fill(same, torch.inf)", "masked_fill(same, 9.0)", S4L
    ),
    Mutation(
        "components/semisupervised/s4l.py", "repeat_interleave(len(upright))", "repeat(len(upright))", S4L
    ),
    Mutation("components/semisupervised/m2.py", "- 1 - log_variance", "- 1 + log_variance", MADE),
    Mutation("components/semisupervised/m2.py", "+ kl - log_prior", "+ kl + log_prior", MADE),
    Mutation("components/semisupervised/m2.py", "(bounds + log_q)", "(bounds - log_q)", MADE),
    Mutation(
        "components/semisupervised/m2.py",
        "(known * bounds[:labelled]).sum(dim=1)",
        "bounds[:labelled].sum(dim=1)",
        MADE,
    ),
    Mutation("components/semisupervised/ssgan.py", "softplus(-known)", "softplus(known)", MADE),
    Mutation(
        "components/semisupervised/ssgan.py",
        "at_least_float32(real.detach())",
        "at_least_float32(real)",
        MADE,
    ),
    Mutation(
        "components/semisupervised/ssgan.py", "made.detach(), learning=True", "made, learning=True", MADE
    ),
    Mutation(
        "components/semisupervised/ssgan.py",
        "parameter if learning else parameter.detach()",
        "parameter",
        MADE,
    ),
    Mutation("components/semisupervised/ssgan.py", "buffer.clone()", "buffer", MADE),
    Mutation(RANDAUGMENT, "dtype=x.dtype) / 13", "dtype=x.dtype) / 9", VIEWS),
    Mutation(RANDAUGMENT, "(high - low).clamp(min=1e-6)", "high.clamp(min=1e-6)", VIEWS),
    Mutation(RANDAUGMENT, "moved[..., axis] += 2 * amount", "moved[..., axis] -= 2 * amount", VIEWS),
    Mutation(RANDAUGMENT, "_either(u, 30.0)", "-_either(u, 30.0)", VIEWS),
]
