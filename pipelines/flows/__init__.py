"""Run a whole recipe: at once, in Airflow, and what a person is told of it."""
