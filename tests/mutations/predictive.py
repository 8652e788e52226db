"""Deliberate errors in the objectives that predict or say again a part of the image, and in their decoder."""

from tests.mutations.base import Mutation, mirrored


def _in(name: str, old: str, new: str, *tests: str) -> Mutation:
    """An error in one objective's file, to be noticed by its own tests, or by those that are named."""
    files = tuple(mirrored(f"components/objectives/{test}.py") for test in tests or (name,))
    return Mutation(f"components/objectives/{name}.py", old, new, files)


MUTATIONS = [
    _in("rotation", "torch.rot90(x, turn, (2, 3))", "torch.rot90(x, -turn, (2, 3))"),
    _in("rotation", ".repeat_interleave(len(scores) // TURNS)", ".repeat(len(scores) // TURNS)"),
    _in("rotation", "self.top(self.body(encoder(", "self.top((encoder("),
    _in("rotation", "range(TURNS)]", "[0, 2, 1, 3]]"),
    _in("jigsaw", "least = torch.minimum(least, distance)", "least = torch.maximum(least, distance)"),
    _in("jigsaw", "sums += distance", "sums -= distance"),
    _in("jigsaw", "number // grid * cell + inside", "number % grid * cell + inside"),
    _in("jigsaw", "(cell - side + 1)", "(cell - side)"),
    _in("jigsaw", "unsqueeze(1), order]", "unsqueeze(1), order.argsort(dim=1)]"),
    _in("location", "[place] * step", "[place] * -step"),
    _in("location", "step = config.patch + config.gap", "step = config.patch"),
    _in("location", "(2 * config.jitter + 1)", "(2 * config.jitter)"),
    _in("parts/tiles", "(-3, -2, -1), correction=0", "(0, -2, -1), correction=0"),
    _in("parts/tiles", "+ own.mean[0]", ""),
    _in("parts/tiles", "rows.unsqueeze(3), columns.unsqueeze(2)", "rows.unsqueeze(2), columns.unsqueeze(3)"),
    _in("parts/cielab", "200 * (middle - last)", "200 * (last - middle)"),
    _in("parts/cielab", "x / 12.92, ((x.clamp_min(0) + 0.055) / 1.055) ** 2.4", "x / 12.92, x**2.2"),
    _in("parts/cielab", "matrix / matrix.sum(dim=1, keepdim=True)", "matrix"),
    _in("parts/cielab", "/ (2 * width**2)", "/ width**2"),
    _in("colour", "weights / (shares * weights).sum()", "weights / weights.mean()"),
    _in("colour", "weights[codes.argmax(dim=1)] * each", "each"),
    _in("colour", "1 - self.config.memory", "self.config.memory"),
    _in("colour", "(lab[:, :1] / 100).expand_as(x)", "x"),
    _in("autoencoder", "/ counts.sum(dim=(1, 2))", "/ counts[0].numel()"),
    _in(
        "autoencoder",
        "image_encoder(encoder).standardised(x).detach()",
        "image_encoder(encoder).standardised(x)",
    ),
    _in("autoencoder", "image_encoder(encoder).standardised(x).detach()", "x.detach()"),
    _in("denoising", "stream=1) < self.config.masked", "stream=1) > self.config.masked"),
    _in("denoising", "self.config.noise * self.chance", "self.config.noise**2 * self.chance"),
    _in("denoising", ".standardised(x).detach()", ".standardised(corrupt).detach()"),
    _in("inpainting", "hidden, image_encoder(encoder).mean, x)", "hidden, x, image_encoder(encoder).mean)"),
    _in("inpainting", "target, hidden)", "target)"),
    _in("inpainting", "columns.unsqueeze(2)).any", "columns.unsqueeze(2)).all"),
    _in("vae", "- 1 - log_variance).sum", "- 1 + log_variance).sum"),
    _in("vae", "(log_variance / 2).exp() * noise", "log_variance.exp() * noise"),
    _in("vae", "told + beta * coded", "told + coded"),
    _in("vae", "0.5 * (squared_error", "(squared_error"),
    _in("bigan", "code = reverse(self.code(encoder(x)))", "code = self.code(encoder(x))"),
    _in("bigan", "lr_scale: PositiveFloat = 0.1", "lr_scale: PositiveFloat = 1.0"),
    _in("bigan", "image = reverse(self.generator(drawn))", "image = self.generator(drawn)"),
    _in("bigan", "F.softplus(-at_least_float32(real))", "F.softplus(at_least_float32(real))"),
    _in("bigan", "self.critic(image, drawn)", "self.critic(image.detach(), drawn)"),
    Mutation(
        "components/encoders/decoder.py",
        "(side + 1) // 2",
        "side // 2",
        ("tests/components/encoders/test_decoder.py",),
    ),
    Mutation(
        "components/encoders/decoder.py",
        "if s > start)",
        "if s >= start)",
        ("tests/components/encoders/test_decoder.py",),
    ),
]
