"""Fine-tuning of the task segmentation."""
