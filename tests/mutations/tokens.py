"""Deliberate errors in the encoders of tokens and maps, in low-rank adaptation, and in what learns by hiding."""

from tests.mutations.base import Mutation

VIT = ("tests/components/encoders/test_vit.py",)
IBOT = ("tests/components/objectives/test_ibot.py",)
START = ("tests/components/encoders/test_start.py",)

MUTATIONS = [
    Mutation("positions", "torch.cat([column.repeat", "torch.cat([row.repeat"),
    Mutation("Attention.forward", "(3, self.heads, -1)", "(self.heads, 3, -1)"),
    Mutation("Vit.both", "return seen.mean(dim=1), seen", "return seen[:, 0], seen"),
    Mutation("Vit.both", "torch.where(masked.unsqueeze(2)", "torch.where(~masked.unsqueeze(2)"),
    Mutation("DropPath.forward", "x * stays / (1 - self.rate)", "x * stays", VIT),
    Mutation("DropPath.forward", " or not torch.is_grad_enabled()", "", IBOT),
    Mutation("convnext.Block.forward", "inner = self.gamma * ", "inner = "),
    Mutation("Convnext.pyramid", "self.norm(x)]", "x]"),
    Mutation("Delta.__init__", "self.scale = alpha / rank", "self.scale = alpha"),
    Mutation("Delta.__init__", "flat.new_zeros(", "flat.new_ones("),
    Mutation("adapt", "    freeze(module)\n", ""),
    Mutation("StillBatchNorm.train", "super().train(False)", "super().train(mode)"),
    Mutation("start._opened", "if found != start.sha256:", "if False:"),
    Mutation("load_weights", "(strict and any(problems.values())) or", ""),
    Mutation("checkpoint.export_encoder", "merged(encoder).items()", "encoder.state_dict().items()", START),
    Mutation("largest", "descending=True", "descending=False"),
    Mutation("masks.patches", ".permute(0, 2, 3, 1, 4, 5)", ".permute(0, 3, 2, 1, 4, 5)"),
    Mutation(
        "hidden_error",
        "(at_least_float32(prediction)[hidden] - at_least_float32(target)[hidden]).square()",
        "(at_least_float32(prediction) - at_least_float32(target)).square()",
    ),
    Mutation("mae.normalised", "target.var(dim=2, keepdim=True)", "target.var()"),
    Mutation("Mae.forward", "tokens.tokens(x, kept=kept)", "tokens.tokens(x)[:, : kept.shape[1]]"),
    Mutation("Mae.decoded", "        every = every + positions(*grid, self.config.width).to(every)\n", ""),
    Mutation("hog", "torch.atan2(across, down)", "torch.atan2(down, across)"),
    Mutation("maskfeat", ", dim=2)\n\n\nclass", ", dim=1)\n\n\nclass"),
    Mutation("Maskfeat.forward", "masked=hidden, token=self.token", "masked=None"),
    Mutation("ibot.token_loss", "/ temperature).log_softmax", "* temperature).log_softmax"),
    Mutation(
        "Ibot.forward", "self.teacher[1](its[hidden])", "self.teacher[1](its[~hidden][: int(hidden.sum())])"
    ),
    Mutation(
        "Ibot.forward", "targets(teacher_answers, self.centre[1]", "targets(teacher_answers, self.centre[0]"
    ),
    Mutation("Ibot.forward", "student.both(both, masked=hidden, token=self.token)", "student.both(both)"),
    Mutation("Ibot.forward", "self.hiding.tokens * of_tokens", "of_tokens"),
]
