"""The recipes in the two folders of the settings: found by name, and each name stands for one file."""

from difflib import get_close_matches
from pathlib import Path

from components.errors import UserError
from pipelines.recipe import Recipe, load
from pipelines.settings import Settings


def read(settings: Settings) -> tuple[dict[str, list[Recipe]], list[str]]:
    """Name -> the recipes of that name, more than one where they are namesakes; and what is wrong with the files
    that cannot be read, a line each."""
    found: dict[str, list[Recipe]] = {}
    mistakes = []
    files = [
        file for folder in (settings.recipes, settings.user_recipes) for file in sorted(folder.glob("*.yaml"))
    ]
    for file in {file.resolve(): file for file in files}.values():
        try:
            recipe = load(file)
        except UserError as mistake:
            mistakes.append(str(mistake))
            continue
        found.setdefault(recipe.name, []).append(recipe)
    return found, mistakes


def namesakes(recipes: list[Recipe]) -> str:
    """Why none of several recipes of one name can run, and what to do."""
    files = " and ".join(str(recipe.file) for recipe in recipes)
    return (
        f"the name {recipes[0].name} is in {files}: a name stands for one data folder, one set of DAGs and one model; "
        "give all but one of them another name"
    )


def scheduled(settings: Settings) -> tuple[dict[str, Recipe], list[str]]:
    """Name -> the recipe that has DAGs, and why the others have none, a line each."""
    found, mistakes = read(settings)
    shared = [namesakes(same) for same in found.values() if len(same) > 1]
    return {name: same[0] for name, same in found.items() if len(same) == 1}, [*mistakes, *shared]


def refuse_namesakes(recipe: Recipe, settings: Settings) -> None:
    """Raises UserError where another file in the folders has the recipe's name."""
    others = [
        other
        for other in read(settings)[0].get(recipe.name, [])
        if other.file.resolve() != recipe.file.resolve()
    ]
    if others:
        raise UserError("recipe-name-taken", namesakes([recipe, *others]))


def is_path(asked: str | Path) -> bool:
    """Whether RECIPE on the command line is a file rather than a name."""
    return Path(asked).suffix in (".yaml", ".yml") or len(Path(asked).parts) > 1


def find(asked: str | Path, settings: Settings) -> Recipe:
    """The recipe in a file, or of a name.

    Raises:
        UserError: there is none, or more than one.
    """
    if is_path(asked):
        return load(Path(asked))
    found, _ = read(settings)
    named = found.get(str(asked), [])
    if len(named) > 1:
        raise UserError("recipe-name-taken", namesakes(named))
    if not named:
        near = get_close_matches(str(asked), found, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}?" if near else f"recipes there: {', '.join(sorted(found)) or 'none'}"
        folders = f"{settings.recipes} or {settings.user_recipes}"
        raise UserError("no-such-recipe", f"there is no recipe {str(asked)!r:.80} in {folders}; {hint}")
    return named[0]
