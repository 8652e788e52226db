"""Airflow DAG upkeep, daily: what is older than SELFSUP_RETENTION_DAYS is shortened or deleted (logs, journals of
runs, Airflow's own history), so that the home does not grow without bound.
"""

from datetime import datetime, timedelta

from airflow.sdk import DAG, task

from dags.wiring import failed
from pipelines.flows import scheduled
from pipelines.settings import Settings

with DAG(
    dag_id="upkeep",
    schedule="17 3 * * *",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,
    tags=["selfsup"],
    doc_md=__doc__,
    default_args={"on_failure_callback": failed},
) as dag:

    @task(retries=3, retry_delay=timedelta(minutes=10))  # type: ignore[untyped-decorator, unused-ignore]
    def upkeep() -> str:
        """What was done, in one line."""
        return scheduled.upkeep(Settings.load())

    upkeep()
