"""Runs side by side on Ray Tune, the worse ones stopped early by ASHA."""

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from components.training.choose import FACTOR, Outcome, rungs
from components.training.cluster import instance
from components.training.trial import Trial, trial

Record = dict[str, Any]


def tune_trials(
    trials: dict[str, Trial],
    *,
    epochs: int,
    labelled: bool,
    address: str,
    home: Path,
    folder: Path,
    cpus: int,
    hear: Callable[[str, Record], None],
) -> list[Outcome]:
    """Every trial for up to `epochs`; those that are not among the best third at a rung stop there.

    Args:
        labelled: compare by accuracy on the labels; else by the score without labels.
        cpus: of a local instance; each trial takes one, so that many run at a time.
        hear: hears name and record of every epoch, in the order in which they come.
    """
    os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")  # its new banner ignores verbose=0
    with instance(address, home, cpus=cpus):
        from ray import tune
        from ray.tune.schedulers import ASHAScheduler

        logging.getLogger("ray.tune").setLevel(logging.ERROR)
        heard: dict[str, list[Record]] = {name: [] for name in trials}

        class Listen(tune.Callback):  # type: ignore[misc]
            def on_trial_result(
                self, iteration: int, trials: list[Any], trial: Any, result: Record, **info: Any
            ) -> None:
                name = trial.config["name"]
                heard[name].append(result)
                hear(name, result)

        scheduler = ASHAScheduler(
            time_attr="epoch", metric="goal", mode="max", max_t=epochs, grace_period=rungs(epochs)[0],
            reduction_factor=FACTOR,
        )  # fmt: skip
        given = {name: one.model_dump(mode="json") for name, one in trials.items()}
        tuner = tune.Tuner(
            tune.with_resources(tune.with_parameters(_work, given=given, labelled=labelled), {"cpu": 1}),
            param_space={"name": tune.grid_search(list(trials))},
            tune_config=tune.TuneConfig(scheduler=scheduler),
            run_config=tune.RunConfig(
                name="choose", storage_path=str(folder), callbacks=[Listen()], verbose=0,
                failure_config=tune.FailureConfig(max_failures=1),
            ),
        )  # fmt: skip
        tuner.fit()
    return [outcome(name, records, rungs(epochs)[0]) for name, records in heard.items()]


def _work(config: Record, given: dict[str, Record], labelled: bool) -> None:
    """On a worker: one trial; ASHA may end it after any epoch."""
    from ray import tune

    def tell(record: Record) -> None:
        by_label = labelled and record["accuracy"] is not None
        tune.report(
            {**record, "goal": record["accuracy"] if by_label and not record["dead"] else record["score"]}
        )

    trial(Trial.model_validate(given[config["name"]]), tell)


def outcome(name: str, records: list[Record], first: int) -> Outcome:
    """What a run's records come to; one without any did not survive its process."""
    if not records:
        return Outcome(name, 0, 0.0, None, (0.0, None), {}, "its process ended without a word")
    last = records[-1]
    early = next((r for r in records if r["epoch"] >= first), last)
    figures = {
        key: float(last[key])
        for key in ("loss", "lidar", "rank", "decay", "spread", "correlation", "churn", "lejepa")
        if last.get(key) is not None
    }
    return Outcome(
        name=name,
        epochs=int(last["epoch"]),
        score=float(last["score"]),
        accuracy=last["accuracy"],
        early=(float(early["score"]), early["accuracy"]),
        figures=figures,
        dead=last["dead"],
        lejepa=early.get("lejepa"),
    )
