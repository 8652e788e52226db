"""Deliberate errors in the encoders of tokens and maps, in low-rank adaptation, and in what learns by hiding."""

from tests.mutations.base import Mutation

ENCODERS, OBJECTIVES = "tests/components/encoders/", "tests/components/objectives/"
VIT = ("tests/components/encoders/test_vit.py",)
CONVNEXT = ("tests/components/encoders/test_convnext.py",)
LORA = ("tests/components/encoders/test_lora.py",)
START = ("tests/components/encoders/test_start.py",)
MAE, MASKFEAT = (
    ("tests/components/objectives/test_mae.py",),
    ("tests/components/objectives/test_maskfeat.py",),
)
IBOT, MASKS = (
    ("tests/components/objectives/test_ibot.py",),
    ("tests/components/objectives/parts/test_masks.py",),
)

MUTATIONS = [
    Mutation("components/encoders/vit.py", "torch.cat([column.repeat", "torch.cat([row.repeat", VIT),
    Mutation("components/encoders/vit.py", "(3, self.heads, -1)", "(self.heads, 3, -1)", VIT),
    Mutation("components/encoders/vit.py", "return seen.mean(dim=1), seen", "return seen[:, 0], seen", VIT),
    Mutation(
        "components/encoders/vit.py",
        "torch.where(masked.unsqueeze(2)",
        "torch.where(~masked.unsqueeze(2)",
        VIT,
    ),
    Mutation("components/encoders/paths.py", "x * stays / (1 - self.rate)", "x * stays", VIT),
    Mutation("components/encoders/paths.py", " or not torch.is_grad_enabled()", "", IBOT),
    Mutation("components/encoders/convnext.py", "inner = self.gamma * ", "inner = ", CONVNEXT),
    Mutation(
        "components/encoders/convnext.py", "found: Tensor = self.norm(x)", "found: Tensor = x", CONVNEXT
    ),
    Mutation("components/encoders/lora.py", "self.scale = alpha / rank", "self.scale = alpha", LORA),
    Mutation("components/encoders/lora.py", "flat.new_zeros(", "flat.new_ones(", LORA),
    Mutation("components/encoders/lora.py", "    freeze(module)\n", "", LORA),
    Mutation("components/encoders/lora.py", "super().train(False)", "super().train(mode)", LORA),
    Mutation("components/encoders/start.py", "if found != start.sha256:", "if False:", START),
    Mutation("components/encoders/start.py", "(strict and any(problems.values())) or", "", START),
    Mutation(
        "components/training/checkpoint.py", "merged(encoder).items()", "encoder.state_dict().items()", START
    ),
    Mutation("components/objectives/parts/masks.py", "descending=True", "descending=False", MASKS),
    Mutation(
        "components/objectives/parts/masks.py",
        ".permute(0, 2, 3, 1, 4, 5)",
        ".permute(0, 3, 2, 1, 4, 5)",
        MASKS,
    ),
    Mutation(
        "components/objectives/mae.py",
        "(at_least_float32(prediction)[hidden] - at_least_float32(target)[hidden]).square()",
        "(at_least_float32(prediction) - at_least_float32(target)).square()",
        MAE,
    ),
    Mutation("components/objectives/mae.py", "target.var(dim=2, keepdim=True)", "target.var()", MAE),
    Mutation(
        "components/objectives/mae.py",
        "tokens.tokens(x, kept=kept)",
        "tokens.tokens(x)[:, : kept.shape[1]]",
        MAE,
    ),
    Mutation(
        "components/objectives/mae.py",
        "        every = every + positions(*grid, self.config.width).to(every)\n",
        "",
        MAE,
    ),
    Mutation(
        "components/objectives/maskfeat.py",
        "torch.atan2(across, down)",
        "torch.atan2(down, across)",
        MASKFEAT,
    ),
    Mutation("components/objectives/maskfeat.py", ", dim=2)\n\n\nclass", ", dim=1)\n\n\nclass", MASKFEAT),
    Mutation("components/objectives/maskfeat.py", "masked=hidden, token=self.token", "masked=None", MASKFEAT),
    Mutation(
        "components/objectives/ibot.py", "/ temperature).log_softmax", "* temperature).log_softmax", IBOT
    ),
    Mutation(
        "components/objectives/ibot.py",
        "self.teacher[1](its[hidden])",
        "self.teacher[1](its[~hidden][: int(hidden.sum())])",
        IBOT,
    ),
    Mutation(
        "components/objectives/ibot.py", "targets(told, self.centre[1]", "targets(told, self.centre[0]", IBOT
    ),
    Mutation(
        "components/objectives/ibot.py",
        "student.both(both, masked=hidden, token=self.token)",
        "student.both(both)",
        IBOT,
    ),
    Mutation("components/objectives/ibot.py", "self.hiding.tokens * of_tokens", "of_tokens", IBOT),
]
