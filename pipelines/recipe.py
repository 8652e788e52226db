"""Recipe: one YAML file = one experiment. The top is typed here; each section is checked by its stage::

    name: mnist            # of the data's folder, the DAG and the registered model
    seed: 0
    modality: {name: image, size: 28, channels: 1}
    task: classification   # what labels mean
    inbox: ../inbox        # where unlabelled data lands; relative to this file
    schedule: null         # or a cron expression, such as "0 3 * * *": when the inbox is looked at
    timezone: UTC          # or another, such as Europe/Berlin: that of the schedule
    retrain: data          # when new data came; or schedule: at that time, in one go; or manual
    hours: {pretrain: 48}  # a stage that takes longer is ended
    deadline: 24           # hours after which a training that is not done is an alert
    approval_hours: 24     # no answer in this time is a no, where a person is asked (promote: {approval: true})
    truth: null            # or a Parquet file (id, label) of what nobody labelled, to measure pseudo-labels with
    pretrain: {epochs: 10} # one section a stage: its request, without the upstream references

Unknown keys are refused.
"""

import re
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

import yaml
from croniter import CroniterError, croniter
from pydantic import ConfigDict, Field, NonNegativeInt, PositiveFloat, ValidationError, field_validator

from components.config import Config, explain, unknown
from components.errors import UserError
from components.tasks.registry import USUAL
from pipelines.graph import FLOWS, GRAPH, references

# Airflow's own short names; what it runs without a time (@once, @continuous) is no schedule of an inbox.
PRESETS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@quarterly": "0 0 1 */3 *",
    "@yearly": "0 0 1 1 *",
}
NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")

# What is said once at the top, and the stages that are asked it.
SHARED: dict[str, tuple[str, ...]] = {
    "seed": ("pretrain", "plan", "pseudo_label", "finetune", "evaluate", "monitor"),
    "modality": (
        "ingest", "snapshot", "plan", "pretrain", "embed", "finetune", "evaluate", "register", "report", "score",
        "monitor",
    ),
    "task": (
        "ingest", "snapshot", "plan", "pseudo_label", "finetune", "evaluate", "register", "promote", "report", "score",
        "monitor",
    ),
    "inbox": ("ingest",),
    "truth": ("report",),
}  # fmt: skip

# Fields of a request that no recipe may have, beside the upstream references.
FILLED: dict[str, tuple[str, ...]] = {
    "plan": ("asked", "model", "force"),
    "pretrain": ("start",),
    "pseudo_label": ("previous",),
    "finetune": ("champion",),
    "register": ("deleted",),
    "promote": ("deleted",),
    "score": ("model",),
    "monitor": ("model",),
}

# What a recipe is, and when it runs: nothing that is asked for one run.
FIXED = ("name", "schedule", "timezone", "retrain", "hours", "deadline", "approval_hours")

# The stages whose finished runs plan may let stand: it is told what the recipe asks of them.
SETTLED = ("pretrain", "embed", "pseudo_label", "finetune", "evaluate", "register")


class _Loader(yaml.SafeLoader):
    """Refuses a key that is there twice: YAML itself lets the last one win without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value != "<<" and str(key.value) in seen:
                problem = f"the key {str(key.value)!r} is there twice; remove one of them"
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            seen.add(str(key.value))
        return super().construct_mapping(node, deep)


class Recipe(Config):
    """One recipe as it was read: the top is typed, the sections are checked by their stages."""

    model_config = ConfigDict(
        ser_json_inf_nan="constants"
    )  # so that a check in another process quotes what came

    name: str
    """Name of the data folder, of the DAGs and, unless `register.name` is given, of the registered model."""

    file: Path
    """File that the recipe was read from."""

    seed: NonNegativeInt = 0
    """Seed of all stages that have none of their own."""

    modality: dict[str, Any]
    """Kind of the samples and what belongs to it; see `ingest.modality`."""

    task: dict[str, Any] = Field(default_factory=USUAL.model_dump)
    """What labels mean; see `snapshot.task`."""

    inbox: Path
    """Folder where data arrive; relative to the recipe's file."""

    schedule: str | None = None
    """When the inbox is read: a cron expression such as `0 3 * * *`, or @hourly to @yearly; null: on request
    alone."""

    timezone: str = "UTC"
    """Time zone of the schedule, such as Europe/Berlin."""

    retrain: Literal["data", "schedule", "manual"] = "data"
    """When the flow train runs in Airflow: `data` (after new data), `schedule` (at the schedule, together
    with ingest) or `manual`."""

    hours: dict[str, PositiveFloat] = Field(default_factory=dict)
    """Hours by stage after which Airflow ends the stage, such as {pretrain: 48}; without an entry 48 for
    pretrain, embed, finetune and score and 4 for the others."""

    deadline: PositiveFloat = 24.0
    """Hours after which a run of the flow train in Airflow that has not finished raises an alert."""

    approval_hours: PositiveFloat = 24.0
    """Hours after which a promotion that nobody approved is refused, where `promote.approval` is true."""

    truth: Path | None = None
    """Parquet file (id, label) of samples that nobody labelled, to measure pseudo-labels with; relative to
    the recipe's file."""

    sections: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """By stage, its section of the file."""

    @field_validator("name")
    @classmethod
    def _plain(cls, name: str) -> str:
        if not NAME.fullmatch(name):
            raise ValueError(f"small letters, digits, - and _, a letter first, 63 at most (got {name!r:.80})")
        return name

    @field_validator("modality", "task", mode="before")
    @classmethod
    def _name_alone(cls, given: Any) -> Any:
        return {"name": given} if isinstance(given, str) else given

    @field_validator("schedule")
    @classmethod
    def _cron(cls, schedule: str | None) -> str | None:
        if schedule is None:
            return None
        wrong = f"a cron expression of five fields, such as '0 3 * * *', or {', '.join(PRESETS)}, or null is needed"
        expression = PRESETS.get(schedule, schedule)
        if len(expression.split()) != 5:
            raise ValueError(f"{wrong} (got {schedule!r:.80})")
        try:
            croniter(expression).get_next()
        except (CroniterError, ValueError) as error:
            raise ValueError(f"{wrong} (got {schedule!r:.80}: {error!s:.120})") from None
        return schedule

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, timezone: str) -> str:
        try:
            ZoneInfo(timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            near = get_close_matches(timezone, available_timezones(), n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ValueError(
                f"a time zone such as 'Europe/Berlin' is needed (got {timezone!r:.80}){hint}"
            ) from None
        return timezone

    @field_validator("hours")
    @classmethod
    def _stages(cls, hours: dict[str, float]) -> dict[str, float]:
        for stage in hours:
            if stage not in GRAPH:
                raise ValueError(unknown(stage, list(GRAPH)).replace("key", "stage", 1))
        return hours

    @property
    def model(self) -> str:
        """The name under which the model is registered."""
        return str(self.sections.get("register", {}).get("name") or self.name)

    def request(self, stage: str, done: dict[str, str]) -> dict[str, Any]:
        """What `stage` is asked: its section, what it shares, the upstream references. JSON values only."""
        asked = self._own(stage)
        if stage == "plan":
            asked |= {"model": self.model, "asked": {name: self._own(name) for name in SETTLED}}
        if stage in ("score", "monitor"):
            asked |= {"model": self.model}
        return {**asked, **references(stage, done)}

    def forced(self, force: str | None) -> "Recipe":
        """The same, with plan's decision made beforehand: "warm" or "scratch"; None leaves it to plan.

        Raises:
            UserError: `force` is something else.
        """
        if force not in (None, "warm", "scratch"):
            raise UserError("invalid-option", f"force is warm or scratch (got {force!r:.80})")
        plan = {**self.sections.get("plan", {}), **({"force": force} if force else {})}
        return self.model_copy(update={"sections": {**self.sections, "plan": plan}}) if force else self

    def with_overrides(self, given: dict[str, Any]) -> "Recipe":
        """The same with `given` laid over it, for one run: {"pretrain": {"train": {"epochs": 5}}, "seed": 1}.

        Raises:
            UserError: a key that no recipe has, or that says what the recipe is or when it runs.
        """
        if fixed := sorted(set(given) & set(FIXED)):
            raise UserError(
                "override-refused",
                f"overrides: {', '.join(fixed)} cannot be changed for one run; change the recipe",
            )
        top = self.model_dump(mode="json", exclude={"file", "sections"})
        return _typed(self.file, laid_over({**top, **self.sections}, given)) if given else self

    def _own(self, stage: str) -> dict[str, Any]:
        """The section of a stage and what it shares."""
        shared: dict[str, Any] = {"seed": self.seed, "modality": self.modality, "inbox": str(self.inbox)}
        shared["truth"] = str(self.truth) if self.truth else None
        if self.task != USUAL.model_dump():  # left out, so that a run is named as before there were tasks
            shared["task"] = self.task
        asked = {name: shared[name] for name, stages in SHARED.items() if stage in stages and name in shared}
        return {**asked, **self.sections.get(stage, {})}


def laid_over(under: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """`under` with the values of `over`, mapping by mapping; one that changes its `name` is another thing, and
    replaces the whole."""
    both = {key: (under[key], over[key]) for key in under.keys() & over.keys()}
    merged = {
        key: laid_over(old, new)
        for key, (old, new) in both.items()
        if isinstance(old, dict) and isinstance(new, dict) and new.get("name") in (None, old.get("name"))
    }
    return {**under, **over, **merged}


def next_time(schedule: str, timezone: str, after: float) -> float:
    """The first time of a schedule after another, both unix times.

    >>> next_time("0 3 * * *", "Europe/Berlin", 1782907200.0)  # 2026-07-01, 12:00 UTC
    1782954000.0
    """
    start = datetime.fromtimestamp(after, ZoneInfo(timezone))
    return float(croniter(PRESETS.get(schedule, schedule), start).get_next())


def flow_stages(flow: str) -> tuple[str, ...]:
    """The stages of a flow, in order.

    Raises:
        UserError: there is no such flow.
    """
    if flow not in FLOWS:
        raise UserError("unknown-name", f"flow: {unknown(flow, list(FLOWS)).replace('key', 'name', 1)}")
    return FLOWS[flow]


def load(path: Path) -> Recipe:
    """The recipe in a file.

    Raises:
        UserError: the file is missing, no YAML, or its top part is wrong. The sections: see check().
    """
    path = path.absolute()
    if path.is_dir():
        inside = ", ".join(sorted(p.stem for p in path.glob("*.yaml")))
        raise UserError(
            "no-such-recipe",
            f"{path} is a folder; name one of the recipes in it: {inside or 'there is none'}",
        )
    if not path.is_file():
        near = ", ".join(sorted(p.name for p in path.parent.glob("*.yaml")))
        raise UserError(
            "no-such-recipe", f"there is no recipe {path}; in that folder: {near or 'no YAML file'}"
        )
    try:
        given = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except yaml.YAMLError as error:
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None) or str(error)
        where = f", line {mark.line + 1}" if mark else ""
        raise UserError(
            "recipe-not-yaml", f"recipe {path}{where}: not valid YAML: {' '.join(problem.split())}"
        ) from None
    except UnicodeDecodeError:
        raise UserError("recipe-not-yaml", f"recipe {path}: not UTF-8 text") from None
    if not isinstance(given, dict):
        raise UserError(
            "recipe-not-yaml",
            f"recipe {path}: a mapping of names to values is needed, not {type(given).__name__}",
        )
    return _typed(path, {str(key): value for key, value in given.items()})


def _typed(path: Path, given: dict[str, Any]) -> Recipe:
    top = [name for name in Recipe.model_fields if name not in ("sections", "file")]
    mistakes = [unknown(key, [*top, *GRAPH]) for key in given if key not in (*top, *GRAPH)]
    sections = {stage: given[stage] or {} for stage in GRAPH if stage in given}
    for stage, section in sections.items():
        if not isinstance(section, dict):
            mistakes.append(f"{stage}: a mapping is needed (got {section!r:.80})")
            continue
        for key in section:
            if key in references(stage, dict.fromkeys(GRAPH, "")) or key in FILLED.get(stage, ()):
                mistakes.append(f"{stage}.{key}: is filled in by the run; leave it out")
    if mistakes:
        raise UserError("invalid-recipe", f"recipe {path}: {'; '.join(mistakes)}")
    try:
        typed = {key: given[key] for key in top if key in given}
        recipe = Recipe.model_validate({**typed, "file": path, "sections": sections})
    except ValidationError as error:
        raise UserError("invalid-recipe", explain(error, f"recipe {path}")) from None
    places = {"inbox": recipe.inbox, "truth": recipe.truth}
    found = {k: (path.parent / place.expanduser()).resolve() for k, place in places.items() if place}
    return recipe.model_copy(update=found)
