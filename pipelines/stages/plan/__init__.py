"""Plan: whether what is new warrants a training, and from where."""
