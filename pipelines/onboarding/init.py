"""selfsup init NAME --from PATH: look at somebody's data, say what is there, write a recipe that suits it.

The recipe's inbox is the place itself: nothing is copied. Only a file that lies among other things, or a
table of paths that lead elsewhere, gets an inbox of its own under the home: hard links, or copies where links
cannot be.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.errors import UserError
from components.wording import are, counted
from pipelines import recipe_folders
from pipelines.onboarding.kinds import named, policies_of, present
from pipelines.onboarding.label_survey import Labels
from pipelines.onboarding.recipe_template import BUDGET, TEST_SHARE, Values, render, suited
from pipelines.onboarding.survey import Found, inbox_of, survey
from pipelines.onboarding.tasks import has_masks, meaning
from pipelines.settings import Settings, make_home

NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")


@dataclass(frozen=True)
class InitReport:
    """recipe: the file written. inbox: what it reads. lines: for a person. values: what was chosen."""

    recipe: Path
    inbox: Path
    found: Found
    lines: list[str]
    values: Values


def init(
    name: str,
    source: Path,
    settings: Settings,
    budget: float = BUDGET,
    modality: str | dict[str, Any] | None = None,
    task: str | dict[str, Any] | None = None,
) -> InitReport:
    """Look at `source` (a folder, a CSV or Parquet table) and write NAME.yaml into the user's recipes.

    modality: kind of the samples, as a recipe names it; None: the first of MODALITIES of which there are any.
    task: what labels mean, as a recipe names it; None: by the labels: numbers of many different values are predicted as
    numbers, all others are classes.

    Raises:
        UserError: a name that cannot be or is taken; no such place; nothing readable there.
    """
    recipe = settings.user_recipes / f"{name}.yaml"
    _check_name(name, recipe, settings)
    if not source.exists():
        raise UserError(
            "path-not-found", f"there is nothing at {source}; give a folder, or a CSV or Parquet file"
        )
    inbox, table = source.resolve(), None
    kind = named(modality) if modality is not None else present(inbox, settings.own)
    if not source.is_dir():
        inbox, table = inbox_of(inbox, settings.home / "inboxes" / name, kind)
    settings.refuse_own(inbox)
    found = survey(inbox, kind, settings.own, masks=task is not None and has_masks(task))
    own = found.look.suited(found.samples).task if task is None and not found.labels.total else ""
    meant = meaning(found.labels, own, "needs no labels") if own else meaning(found.labels, task)
    values, policies = suited(found, budget), policies_of(found.kind)
    place = _relative(inbox, recipe.parent)
    text = render(name, place, found, values, policies, str(table) if table else None, meant)
    make_home(settings.home)
    recipe.parent.mkdir(parents=True, exist_ok=True)
    with recipe.open("x", encoding="utf-8") as file:
        file.write(text)
    lines = [*describe(found), *notes(found, values)]
    if table:
        lines.append(
            f"{table} is followed: each ingest reads it again; the files it names are linked into {inbox}"
        )
    lines.append(f"wrote {_short(recipe)}; next: selfsup run {name}")
    print("\n".join(lines))
    return InitReport(recipe, inbox, found, lines, values)


def describe(found: Found) -> list[str]:
    """What was found, a line each."""
    first, *rest = found.look.lines()
    lines = [f"{counted(found.samples, 'sample')}, {found.looked:,} looked at: {first}", *rest]
    for reason, count in found.bad.most_common():
        lines.append(f"bad: {count} {reason}, e.g. {found.example[reason]}")
    if guessed := {name: value for name, value in found.guessed.items() if isinstance(value, str)}:
        options = ", ".join(f"modality.{name} {value}" for name, value in guessed.items())
        lines.append(
            f"guessed: {options}; another: `--modality '{{name: {found.kind}, {[*guessed][-1]}: COLUMN}}'`"
        )
    lines += found.left_out
    labels = found.labels
    lines += labels.told
    if labels.numbers:
        lines.append(
            f"{counted(labels.total, 'label')} that are numbers, of {len(labels.numbers):,} different values: the task "
            "is regression; `--task classification` makes each value a class"
        )
        lines.append(_shares(labels))
    elif labels.unused:
        lines.append(
            "no labels are needed: the model is measured by events of each history that are held out"
        )
    elif labels.detected:
        lines.append(_marked(labels))
    elif labels.masks:
        lines.append(f"{counted(labels.masks, 'mask')}; {_shares(labels)}")
    elif labels.classes:
        shown = ", ".join(f"{label} {count}" for label, count in sorted(labels.classes.items())[:20])
        more = f" and {len(labels.classes) - 20} more" if len(labels.classes) > 20 else ""
        origin = "from the folders' names" if labels.labels_from == "folders" else "from tables"
        total = labels.classes.total()
        lines.append(
            f"{counted(total, 'label')} in {counted(len(labels.classes), 'class')}, {origin}: {shown}{more}"
        )
        lines.append(_shares(labels))
    else:
        lines.append("no labels: clusters will be reported without classes, and nothing is fine-tuned")
    return lines


def _marked(labels: Labels) -> str:
    """What the labels of a task that needs none are good for."""
    if not labels.marks:
        return (
            "no labels: samples are ranked all the same, and nothing can be measured; test labels change that"
        )
    counts = ", ".join(f"{label} {count}" for label, count in sorted(labels.marks.items())[:20])
    return f"{counted(labels.total, 'label')}: {counts}; {_shares(labels)}"


def _shares(labels: Labels) -> str:
    total = labels.total
    about, tests = ("", labels.tests) if labels.split else ("about ", round(total * TEST_SHARE))
    drawn = "as named" if labels.split else f"{TEST_SHARE:.0%}, drawn"
    return f"of these, {about}{total - tests} for training and {about}{tests} for testing ({drawn})"


def notes(found: Found, values: Values) -> list[str]:
    """What a person should know before running it."""
    said: list[str] = []
    if found.links:
        places = ", ".join(map(str, found.links[:3])) + (", ..." if len(found.links) > 3 else "")
        said.append(
            f"links lead out of the folder, to {places}: ingest.links allows that, any other link is bad"
        )
    labels, classes = found.labels.classes.total(), len(found.labels.classes)
    said += found.labels.notes
    if classes == 1:
        said.append(
            "only one class has labels: no classifier can be made of that; label some of another class"
        )
    elif classes and (few := [name for name, count in found.labels.classes.items() if count < 3]):
        some = f"{len(few)} of {counted(classes, 'class')} {are(len(few), 'has', 'have')}"
        said.append(
            f"{some} fewer than 3 labels, e.g. {few[0]}; a class without a training label is never given"
        )
    tests = found.labels.tests if found.labels.split else round(labels * TEST_SHARE)
    if found.labels.split and found.labels.total and not tests:
        said.append(
            "no sample that is named for testing has a label: nothing can be measured; label some of them"
        )
    elif classes and tests < 10 * classes:
        said.append(
            f"{counted(tests, 'label')} for testing {are(tests)} few: figures will be rough; label more"
        )
    if (needed := float(values["seconds"] or 0)) > (budget := float(values["budget"] or 0)):
        said.append(
            f"a budget of {budget:.0f} s is less than the shortest pretraining of so many samples takes, about "
            f"{needed:.0f} s on two cores: the recipe has that one"
        )
    if found.bad_share > 0.04:
        said.append(
            f"{found.bad_share:.0%} of the samples are bad; ingest.max_bad_share is {values['max_bad_share']}"
        )
    said += found.look.notes(found.samples)
    if found.samples < 200:
        said.append(
            f"{counted(found.samples, 'sample')} {are(found.samples)} few to learn from without labels; some "
            f"thousands are better"
        )
    return [f"note: {text}" for text in said]


def _check_name(name: str, recipe: Path, settings: Settings) -> None:
    if not NAME.fullmatch(name):
        raise UserError(
            "invalid-name", f"a recipe's name is small letters, digits, - and _, a letter first; got {name!r}"
        )
    named = [other.file for other in recipe_folders.read(settings)[0].get(name, [])]
    if taken := [recipe] if recipe.exists() else named:
        raise UserError(
            "recipe-name-taken",
            f"the name {name} is taken by {taken[0]}; choose another, or delete that file",
        )
    if (settings.data / name / "index.json").exists():
        raise UserError(
            "recipe-name-taken",
            f"the name {name} is taken: {settings.data / name} holds its data; choose another",
        )


def _relative(inbox: Path, recipes: Path) -> str:
    """Relative where the inbox lies in the home, which can then be moved; else absolute."""
    return os.path.relpath(inbox, recipes) if inbox.is_relative_to(recipes.parent) else str(inbox)


def _short(file: Path) -> str:
    return os.path.relpath(file) if file.is_relative_to(Path.cwd()) else str(file)
