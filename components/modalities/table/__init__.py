"""Tables whose rows are samples."""
