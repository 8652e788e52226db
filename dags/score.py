"""Airflow DAG score_NAME for each recipe: the champion's answers for what is new.

Starts by hand, or when there are new data or a new champion.
"""

from airflow.sdk import DAG

from dags.wiring import asset, each, flow
from pipelines.recipe import Recipe


def score(recipe: Recipe) -> DAG:
    return flow(recipe, "score", [asset("champion", recipe.name)], __doc__)


globals().update(each(score))
