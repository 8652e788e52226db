"""Texts: files, table columns and mails, as pieces of words."""
