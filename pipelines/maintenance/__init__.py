"""Keep, remove, restore, reproduce."""
