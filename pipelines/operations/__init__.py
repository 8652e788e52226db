"""The platform on one machine: Airflow's and MLflow's processes under a supervisor, their state, their upkeep."""
