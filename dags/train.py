"""Airflow DAG train_NAME for each recipe: from the inbox to the champion, as far as there is anything to do.

Starts by hand, when new data were told of, or by the recipe's schedule, as its key `retrain` says. The order is
pipelines.graph.FLOWS["train"].
"""

from airflow.sdk import DAG

from dags.wiring import asset, each, flow, inbox
from pipelines.recipe import Recipe


def train(recipe: Recipe) -> DAG:
    schedules = {"data": [asset("data", recipe.name)], "schedule": inbox(recipe), "manual": None}
    return flow(recipe, "train", schedules[recipe.retrain], __doc__)


globals().update(each(train))
