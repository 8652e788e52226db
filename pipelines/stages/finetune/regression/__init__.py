"""Fine-tune for numbers: the candidates, their weights, and the model that is served."""
