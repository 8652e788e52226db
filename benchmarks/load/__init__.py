"""Load on a server of predictions, and the smallest server beside which ours is measured."""
