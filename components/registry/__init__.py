"""The model's life after training: its format, MLflow's registry, the gate and the promotion journal."""
