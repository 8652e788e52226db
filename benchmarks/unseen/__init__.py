"""Image sets that nobody tuned on, built from data that packages carry, and the inbox that a user would have."""
