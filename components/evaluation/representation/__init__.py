"""Features: what they hold, without and with labels."""
