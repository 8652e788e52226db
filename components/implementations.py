"""The implementations of one kind (objectives, encoders, methods), by the name that a recipe gives them.

A line in the table of their package registers one: its name, and where it lies, "module:callable". The callable takes
the configuration first. The type of that parameter, or of the attribute `config` of a class that inherits its __init__,
is what a recipe may say. An installed package adds its own by an entry point of the table's group.
"""

import inspect
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib import import_module, metadata
from pathlib import Path
from types import ModuleType, UnionType
from typing import Annotated, Any, Generic, TypeVar, Union, get_args, get_origin, get_type_hints

from pydantic import Field

from components.config import Config
from components.errors import UserError

T = TypeVar("T")
ADDED = Path(__file__).with_name(
    "added.json"
)  # in a registered model: what was copied with it, by group and name


class Implementations(Mapping[str, Callable[..., T]], Generic[T]):
    """Name -> callable (configuration, ...) -> T, imported when it is asked for. foreign: name -> "module:callable" of
    those that other packages add."""

    def __init__(self, package: str, group: str, places: Mapping[str, str]) -> None:
        """places: "module:callable" below `package`, by name. group: of the entry points that add to them."""
        self.package, self.group = package, group
        self._places = {name: f"{package}.{place}" for name, place in places.items()}
        self.foreign = dict[str, str]()
        for name, place in added_to(group):
            if name in self._places:
                raise UserError(
                    "entry-point-broken",
                    f"entry point {place} in {group}: the name {name!r} is taken by "
                    f"{self._places[name]}; give it another",
                )
            self._places[name] = self.foreign[name] = place

    def __getitem__(self, name: str) -> Callable[..., T]:
        module, _, callable_ = self._places[name].partition(":")
        try:
            found: Callable[..., T] = getattr(import_module(module), callable_)
        except (ImportError, AttributeError) as error:
            if name not in self.foreign:
                raise
            raise UserError(
                "entry-point-broken", f"entry point {self._places[name]} in {self.group}: {error}"
            ) from error
        return found

    def module(self, name: str) -> ModuleType:
        """The module in which an implementation lies."""
        self[name]
        return import_module(self._places[name].partition(":")[0])

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def build(self, config: Config, *given: Any) -> T:
        """What `config` describes."""
        return self[name_of(config)](config, *given)

    def config_type(self, *more: type[Config]) -> Any:
        """The union of all configurations, and these, told apart by their name: a field's type."""
        kinds = dict.fromkeys([*(kind for name in self for kind in configs_of(self[name])), *more])
        return Annotated[Union[*kinds], Field(discriminator="name")]


def entry_points(group: str) -> metadata.EntryPoints:
    """Those of a group, of all installed packages, whose files are read once (70 ms with 330 packages)."""
    return _of(group, tuple(sys.path))


@cache
def _of(group: str, places: tuple[str, ...]) -> metadata.EntryPoints:
    found: metadata.EntryPoints = _installed(places).select(group=group)
    return found


@cache
def _installed(places: tuple[str, ...]) -> Any:
    """places: where packages lie at the moment."""
    return metadata.entry_points()


def added_to(group: str) -> list[tuple[str, str]]:
    """Name and "module:callable" of what other packages add: those that are installed; in a registered model those
    that were copied with it, whatever is installed there."""
    if ADDED.is_file():
        return list(json.loads(ADDED.read_text()).get(group, {}).items())
    return [(entry.name, entry.value) for entry in entry_points(group=group)]


def name_of(config: Config) -> str:
    """The name that a configuration of an implementation carries."""
    return str(vars(config)["name"])


@cache
def configs_of(implementation: Callable[..., Any]) -> tuple[type[Config], ...]:
    """The configurations that it takes.

    Raises:
        TypeError: its first parameter is no configuration.
    """
    kind = get_type_hints(implementation).get("config") if isinstance(implementation, type) else None
    if kind is None:
        parameters = inspect.signature(implementation, eval_str=True).parameters.values()
        kind = next(iter(parameters)).annotation
    kinds = get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
    if not all(isinstance(one, type) and issubclass(one, Config) for one in kinds):
        raise TypeError(
            f"{implementation}: the first thing that it takes has to be a configuration (is {kind})"
        )
    return kinds
