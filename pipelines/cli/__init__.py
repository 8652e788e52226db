"""The selfsup command, a module for each group of subcommands."""
