"""Which views a fine-tuning uses, and what that rests on."""

from typing import Any

import numpy as np

from components.data.table import Table
from components.training.orientation import suggested
from components.training.view_choice import ViewChoice, choose_views, table
from pipelines.engine.context import Context
from pipelines.inference.samples import samples_of
from pipelines.stages.finetune.config import FinetuneConfig


def view_policy(
    request: FinetuneConfig, snapshot_of: str, pretrain_of: str, snapshot: Any, rows: Table, context: Context
) -> ViewChoice | None:
    """The policy that the recipe names, else the one that keeps the classes of the labels; None where it names both
    views itself.

    snapshot_of, pretrain_of: references. What pretraining has measured without labels is where it begins.
    """
    if request.weak is not None and request.strong is not None:
        return None
    if request.views != "measured":
        return ViewChoice(policy=request.views, suggested=request.views, reason="the recipe names it")
    samples = samples_of(snapshot_of, snapshot, context)
    begun: str | None = context.output(pretrain_of).policy
    policy = begun or suggested(samples, rows.train_rows(), request.seed)[0]
    if not samples.views.symmetries:
        return ViewChoice(policy=policy, suggested=policy, reason="the usual one for this kind of data")
    labelled = rows.labelled_rows()
    found = choose_views(
        samples.images,
        labelled,
        rows.label[labelled].astype(np.int64),
        len(snapshot.classes),
        policy,
        cores=context.settings.cores,
        seed=request.seed,
    )
    context.say(f"views of policy {found.policy}: {found.reason}")
    for line in table(found):
        context.say(f"  {line}")
    return found
