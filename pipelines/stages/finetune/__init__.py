"""Fine-tune: the candidates, the judges, and the network that is served."""
