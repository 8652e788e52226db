"""Airflow DAG monitor_NAME for each recipe: whether new data are still like those that the champion knows.

Starts by hand or when new data were told of.
"""

from airflow.sdk import DAG

from dags.wiring import data, each, flow
from pipelines.recipe import Recipe


def monitor(recipe: Recipe) -> DAG:
    return flow(recipe, "monitor", [data(recipe.name)], __doc__)


globals().update(each(monitor))
