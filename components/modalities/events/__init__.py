"""Event histories: what each user did, in order of time."""
