"""What the plan stage is made of: what is new, whether it drifted, what that is worth, and what then stands."""
