"""Airflow DAG score_NAME for each recipe: the champion's answers for what is new.

Starts by hand or when new data were told of.
"""

from airflow.sdk import DAG

from dags.wiring import data, each, flow
from pipelines.recipe import Recipe


def score(recipe: Recipe) -> DAG:
    return flow(recipe, "score", [data(recipe.name)], __doc__)


globals().update(each(score))
