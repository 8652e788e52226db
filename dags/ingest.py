"""Airflow DAG ingest_NAME for each recipe: what lies in the inbox becomes a snapshot, and new data are told of.

Runs by the recipe's schedule, unless the training does so itself (`retrain: schedule`).
"""

from airflow.sdk import DAG

from dags.wiring import each, flow, inbox
from pipelines.recipe import Recipe


def ingest(recipe: Recipe) -> DAG:
    return flow(recipe, "ingest", None if recipe.retrain == "schedule" else inbox(recipe), __doc__)


globals().update(each(ingest))
