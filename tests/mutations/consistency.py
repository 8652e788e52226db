"""Deliberate errors in the consistency methods."""

from tests.mutations.base import Mutation, mirrored


def _broken(name: str, *pairs: tuple[str, str], tests: str | None = None) -> list[Mutation]:
    file = mirrored(f"components/semisupervised/{tests or name}.py")
    return [
        Mutation(f"components/semisupervised/{name}.py", old, new, (file, "-m", "not slow"))
        for old, new in pairs
    ]


MUTATIONS = [
    *_broken(
        "parts/ramps", ("-5 * (1 -", "-4 * (1 -"), (".clamp(max=1)", ""), ("(1 - torch.cos", "(1 + torch.cos")
    ),
    *_broken("parts/sharpening", ("log_p / temperature", "log_p * temperature"), ("dim=1", "dim=0")),
    *_broken(
        "parts/alignment",
        ("logits + wanted", "logits - wanted"),
        ("- mean.clamp", "+ mean.clamp"),
        ("values.detach().mean", "values.mean"),
    ),
    *_broken(
        "consistency",
        ("(1 - self.progress)", "self.progress"),
        ("self.config.weight * ramp * unsupervised", "ramp * unsupervised"),
        ("+ fading * pseudo", ""),
        ("(at_least_float32(logits).softmax(dim=1) - target)", "(at_least_float32(logits) - target)"),
    ),
    *_broken("parts/batchnorm", ("buffer.clone()", "buffer")),
    *_broken(
        "pimodel",
        ("at_least_float32(second).softmax(dim=1))", "at_least_float32(second).softmax(dim=1).detach())"),
        ('unsupervised, {"ramp": ramp}, ramp', 'unsupervised, {"ramp": ramp}'),
        ("at_least_float32(second)", "at_least_float32(first)"),
    ),
    *_broken(
        "meanteacher",
        ("student = self.head(features)", "student = self.head(features).detach()"),
        ("first[:known], parts.strong[0])", "first[:known], first[known:])"),
        (
            "squared_difference(student, at_least_float32(target)",
            "squared_difference(target, at_least_float32(student).detach()",
        ),
        ("with torch.no_grad():", "with torch.enable_grad():"),
        ("self.head), tau)", "self.head), 1 - tau)"),
        ("self.head), 0.0)", "self.head), 1.0)"),
    ),
    *_broken(
        "temporal",
        ("momentum * bank[once] + (1 - momentum) * mean", "(1 - momentum) * bank[once] + momentum * mean"),
        ("1 - momentum ** seen", "1 + 0 * momentum ** seen"),
        ("((known > 0) * distance)", "distance"),
        (" / torch.bincount(where, minlength=len(once)).unsqueeze(1)", ""),
    ),
    *_broken(
        "vat",
        ("divergence(log_p, logits(x + length * d)", "-divergence(log_p, logits(x + length * d)"),
        ("clean.detach().log_softmax(dim=1)", "clean.log_softmax(dim=1)"),
        ("F.kl_div(log_q, log_p", "F.kl_div(log_p, log_q"),
        ("d = unit(slope)", "d = unit(slope + d)"),
        ("with frozen_bn_stats(encoder):", "if True:"),
        ("F.normalize(d.flatten(1), dim=1)", "F.normalize(d.flatten(1), dim=0)"),
    ),
    *_broken(
        "uda",
        ("weak_logits.detach()", "weak_logits"),
        ("sharpen(log_p, temperature)", "sharpen(log_p, 1.0)"),
        ("(mask * each).mean()", "each[mask].mean()"),
        ("sure < ceiling", "sure > ceiling"),
        ("counts / share", "counts / 1.0 + 0 * share"),
    ),
    *_broken(
        "flexmatch",
        ("learnt / (2 - learnt)", "learnt"),
        ("counts.max()", "counts[1:].max()"),
        ("threshold[target]", "threshold.max()"),
        ("weak_logits.detach().softmax(dim=1)", "weak_logits.detach()"),
        ("confidence >= self.config.threshold", "confidence >= limits[target]"),
    ),
    *_broken(
        "freematch",
        ("confidence * mean / mean.max()", "confidence * mean"),
        ("torch.where(histogram > 0, mean / histogram.clamp(min=1e-12), 0.0)", "mean"),
        ("sums / counts.clamp(min=1)", "sums"),
        ("step = 1 - self.config.momentum", "step = self.config.momentum / 2"),
        ("loss + self.config.fairness * unfair", "loss - self.config.fairness * unfair"),
    ),
    *_broken(
        "softmatch",
        (".clamp(max=0)", ""),
        ("* sharpness**2", "* sharpness"),
        ("weak_logits.detach().argmax(dim=1)", "strong_logits.argmax(dim=1)"),
        ("max(count - 1, 1)", "count"),
        ("weights.detach()", "weights"),
    ),
    *_broken(
        "adamatch",
        ("own, weak = own.detach(), weak.detach()", "own, weak = own, weak"),
        (
            "everywhere(said), everywhere(weak.softmax(dim=1))",
            "everywhere(weak.softmax(dim=1)), everywhere(said)",
        ),
        ("threshold * everywhere(said.amax(dim=1))", "threshold"),
        (
            "share * at_least_float32(alone) + (1 - share) * at_least_float32(joint)",
            "at_least_float32(joint)",
        ),
        ("with frozen_bn_stats(encoder):", "if True:"),
    ),
    *_broken(
        "mixmatch",
        ("return sharpen(mean.clamp(min=1e-12).log(), temperature)", "return mean"),
        ("gather(mine.detach())[other], share)", "gather(mine.detach())[other], 1 - share)"),
        ("torch.maximum(share, 1 - share)", "share"),
        ("first.detach().softmax(dim=1) +", "first.softmax(dim=1) +"),
        (
            "weight * shares(parts.targets, guess.shape[1]) + (1 - weight) * guess[:size]",
            "shares(parts.targets, guess.shape[1])",
        ),
        (
            "squared_difference(logits[size:], target[size:])",
            "-squared_difference(logits[size:], target[size:])",
        ),
    ),
    *_broken(
        "simmatch",
        ("q * p[:, classes]", "q"),
        ("share * p + (1 - share) * summed", "(1 - share) * p + share * summed"),
        ("self.projection(weakly).detach()", "self.projection(weakly)"),
        ("there @ queue.T / self.config.temperature", "there @ queue.T"),
        ("torch.where(weight > 0, known, -1)", "known"),
    ),
]
