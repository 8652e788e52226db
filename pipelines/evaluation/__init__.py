"""The parts of the stage evaluate: what the models answer, how the clusters lie, what the method is worth."""
