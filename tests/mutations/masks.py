"""Deliberate errors in segmentation: masks, intake, views, losses, figures, model, stages, gate."""

from tests.mutations.base import Mutation

INTAKE = ("tests/components/data/test_mask_intake.py",)
FINETUNE = ("tests/pipelines/stages/finetune/segmentation/test_stage.py",)
EVALUATE = ("tests/pipelines/stages/evaluate/test_segmentation.py",)
HEAD = ("tests/components/encoders/test_dense_head.py",)

MUTATIONS = [
    # text
    Mutation("masks.to_text", "flat[1:] != flat[:-1]", "flat[1:] > flat[:-1]"),
    Mutation("masks.from_text", "if total != height * width:", "if total < height * width:"),
    Mutation("masks.from_text", "runs[-1][0] == int(found[1])", "runs[-1][0] == -1"),
    Mutation("masks.size_of", "if height * width > MOST:", "if height > MOST:"),
    Mutation("masks.fitted", "(height - square) / 2 + steps", "steps"),
    Mutation("masks.fitted", "np.arange(side) + 0.5", "np.arange(side)"),
    Mutation("masks.classes_in", "mask[mask != IGNORE]", "mask"),
    # files
    Mutation("is_mask", '== [FOLDER]', '>= [FOLDER]'),
    Mutation("stems_of", ".parent.parent", ".parent"),
    Mutation("read_mask", "(height, width) != size", "(width, height) != size"),
    Mutation("read_mask", 'image.mode not in ("P", "L", "1")', 'image.mode not in ("P", "L", "1", "RGB")'),
    Mutation("_sensible", "if values == [0, IGNORE]:", "if values == [1, IGNORE]:"),
    Mutation("_sensible", "if values == [IGNORE]:", "if values == [0]:"),
    Mutation("class_names", "len(set(names)) < len(names)", "len(names) < 2"),
    # intake
    Mutation("mask_intake.bind", "if len(own) == 1:", "if own:"),
    Mutation("mask_intake._wrong", "if size is None or own == size:", "if True:"),
    Mutation("mask_intake.told", "len(refused) >= share * masks", "len(refused) > share * masks"),
    Mutation("mask_intake.sizes_of", 'if others := images.keys() - sizes.keys():', "if others := set[str]():", INTAKE),
    Mutation("upright_size", "in SIDEWAYS", "in ()", INTAKE),
    Mutation("Inbox.list", "if self.masks and is_mask(path):", "if is_mask(path):", INTAKE),
    Mutation("label_intake.take_labels", "rows, total = own.rows,", "total =", INTAKE),
    # task
    Mutation("Segmentation.targets", "range(most + 1)", "range(most)"),
    Mutation("Segmentation._classes", "classes[-1] >= len(", "classes[-1] > len("),
    Mutation("Segmentation._classes", "if not classes:", "if False:"),
    # head
    Mutation("DenseHead.forward", "here + upsampled(top, here.shape[-1])", "here", HEAD),
    Mutation("dense_head.scores_of", "scores[..., :side, :side]", "upsampled(scores, side)", HEAD),
    Mutation("dense_head.scores_of", "and not frozen", "", HEAD),
    Mutation("depths_of", "encoder.train(training)", "pass", HEAD),
    Mutation("Resnet.pyramid", "if after.shape[-1] == found[-1].shape[-1]:", "if False:", HEAD),
    # losses
    Mutation("semisupervised.segmentation.mask_loss", "each / known.sum().clamp(min=1)", "each / known.numel()",
             ("tests/components/semisupervised/test_segmentation.py",)),
    Mutation("soft_dice_loss", "scores.softmax(dim=1) * known", "scores.softmax(dim=1)"),
    Mutation("soft_dice_loss", "[held].mean()", ".mean()"),
    Mutation("soft_dice_loss", "2 * both / (p_sum + y_sum)", "both / (p_sum + y_sum - both)"),
    Mutation("pseudo_masks", "confidence < threshold", "confidence > threshold"),
    Mutation("MaskMethod.forward", "batch.views[1]), self", "batch.views[2]), self"),
    Mutation("MaskMethod.forward", "/ targets.numel()", "/ (targets != IGNORE).sum()"),
    Mutation("MaskMethod.forward", "frozen_bn_stats(self), frozen_bn_stats(encoder)", "frozen_bn_stats(self)"),
    Mutation("MaskMethod.forward", "encoder.eval()  # batch norm too stays as it was pretrained", "pass"),
    # views
    Mutation("moved_masks", ".masked_fill(~inside, IGNORE)", ""),
    Mutation("mask_source._places", "side - 1 - columns", "side - columns"),
    Mutation("mask_source._places", "at - moves.down[:, None], at - moves.right[:, None]",
             "at - moves.down[:, None], at + moves.right[:, None]"),
    Mutation("draw_moves", "(2 * reach + 1)", "(2 * reach)"),
    Mutation("MaskSource.batch", "self.labelled[own], others", "own, others"),
    Mutation("MaskSource.batch", "moved_masks(masks, Moves(", "(lambda masks, _: masks)(masks, Moves("),
    Mutation("MaskSource.batch", "self.maker.augment(plain[len(own) :], self.strong, generator)",
             "self.maker.augment(clean[len(own) :], self.strong, generator)"),
    # figures
    Mutation("dense.masks.tables", "known = truth != IGNORE", "known = truth != IGNORE - 1"),
    Mutation("dice_and_iou", "both / (sizes - both)", "both / sizes"),
    Mutation("dense.masks.by_image", "values[:, 1:]", "values"),
    Mutation("dense.masks.by_image", "axis=1), 1), 1.0)", "axis=1), 1), 0.0)"),
    Mutation("dense.masks.by_class", "(counts[:, k].sum(axis=1) > 0)", "(counts[:, :, k].sum(axis=1) > 0)"),
    Mutation("dense.masks.figures", 'values["model"], each', 'each, values["model"]'),
    Mutation("surroundings", 'mode="edge"', 'mode="reflect"'),
    Mutation("fit_pixels", "masks.ravel() != IGNORE", "masks.ravel() != IGNORE - 1"),
    # model
    Mutation("Segmenter.both", "scores.float() / self.config.temperature", "scores.float() * self.config.temperature"),
    Mutation("Segmenter.both", "encoder(x) if x.shape[-1] % encoder.reduction else pooled(last)", "pooled(last)"),
    Mutation("Segmenter.see", "sure.mean(dim=(1, 2))", "sure.amax(dim=(1, 2))"),
    Mutation("Segmenter.disagreement", "> STRAY", "> 1"),
    # stages
    Mutation("Trainings._held", "np.flatnonzero(self.of != fold)", "np.arange(len(self.of))", FINETUNE),
    Mutation("finetune.segmentation.stage.run", "held[own])\n", "held[start])\n", FINETUNE),
    Mutation("finetune.segmentation.stage.run", 'update={"temperature": 1.0}', "update={}", FINETUNE),
    Mutation("Trainings._random", "build_encoder(config, self.encoder.packing)",
             "copy.deepcopy(self.encoder)", FINETUNE),
    Mutation("finetune.segmentation.stage.variants_of", 'or len(material.unlabelled)', "or True", FINETUNE),
    Mutation("finetune.segmentation.data.mask_folds", "np.argsort(filled", "np.argsort(0 * filled"),
    Mutation("mask_figures", "max(BASELINES", "min(BASELINES", EVALUATE),
    Mutation("evaluate.segmentation._pictures", "np.argsort(dice", "np.argsort(-dice", EVALUATE),
    Mutation("evaluate.segmentation.run", "if len(test) < FEWEST else None", "if not len(test) else None", EVALUATE),
    Mutation("score.segmentation.Reading.columns", "confidence < (", "confidence > ("),
    Mutation("monitor.segmentation.Watch.counts", "objects.argmax(axis=1) + 1, 0)", "objects.argmax(axis=1), 0)"),
    Mutation("monitor.segmentation.Watch.level", "1 - p[", "p["),
    Mutation("pages.masks.colour_of", "COLOURS[(number - 1)", "COLOURS[number"),
    # gate
    Mutation("segmentation_checks.Checks.alone", "figure > bounds.margin", "figure >= bounds.margin"),
    Mutation("segmentation_checks.Checks.alone", '("margin_low"), -bounds', '("margin"), -bounds'),
    Mutation("segmentation_checks.beats_champion", "found.low, bound", "found.value, bound"),
    Mutation("segmentation_checks.forgetting", "ours.get(item, 0.0)", "ours.get(item, theirs[item])"),
]  # fmt: skip
