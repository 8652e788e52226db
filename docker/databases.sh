#!/bin/sh
# Run once by the postgres image on an empty volume: a role and a database each for Airflow and MLflow.
set -eu
psql -v ON_ERROR_STOP=1 -v airflow="$AIRFLOW_DB_PASSWORD" -v mlflow="$MLFLOW_DB_PASSWORD" \
    --username "$POSTGRES_USER" --dbname postgres <<'SQL'
CREATE ROLE airflow LOGIN PASSWORD :'airflow';
CREATE DATABASE airflow OWNER airflow;
REVOKE CONNECT ON DATABASE airflow FROM PUBLIC;
CREATE ROLE mlflow LOGIN PASSWORD :'mlflow';
CREATE DATABASE mlflow OWNER mlflow;
REVOKE CONNECT ON DATABASE mlflow FROM PUBLIC;
SQL
