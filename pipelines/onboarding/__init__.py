"""From somebody's data to a recipe: survey, proposal, choice."""
