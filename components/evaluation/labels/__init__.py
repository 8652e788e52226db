"""Labels: which look wrong, which to ask for, what they save."""
