"""Airflow DAG monitor_NAME for each recipe: whether new data are still like those that the champion knows.

Starts by hand, or when there are new data or a new champion.
"""

from airflow.sdk import DAG

from dags.wiring import asset, each, flow
from pipelines.recipe import Recipe


def monitor(recipe: Recipe) -> DAG:
    return flow(recipe, "monitor", [asset("champion", recipe.name)], __doc__)


globals().update(each(monitor))
