"""The parts of the stage finetune: what there is to learn from, the head, all layers, the baseline, the judge."""
