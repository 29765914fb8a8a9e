"""Where settings come from: the file and the environment, read into one tree with the origin of every key."""

import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from responder.settings.model import Section, Settings

PREFIX = "RESPONDER_"
# Variables of this name space that are not settings: the settings file, and the messages of `make corpus`.
_OTHER_VARIABLES = frozenset({"RESPONDER_CONFIG", "RESPONDER_CORPUS"})
_USUAL_FILES = (Path("responder.toml"), Path("/etc/responder/responder.toml"))


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with the settings.

    Attributes:
        key: the setting, such as `smtp.listen[0]`; empty where a whole file cannot be read.
        text: what is wrong and what to do.
        origin: the file or the environment variable that says it, `default` where nobody did.
    """

    key: str
    text: str
    origin: str

    def __str__(self) -> str:
        return f"{self.key}: {self.text} ({self.origin})" if self.key else f"{self.origin}: {self.text}"


class SettingsError(Exception):
    """The settings cannot be used.

    Attributes:
        problems: everything that is wrong.
    """

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = problems


@dataclass(slots=True)
class Tree:
    """The settings that somebody gave, nested as in the file, and who gave each.

    Attributes:
        values: tables and values.
        origins: the file or variable of each given key, such as `smtp.listen`.
        problems: what could not be read.
    """

    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def origin(self, key: str) -> str:
        """Give the origin of `key`, of the list that it lies in, of what lies in it, or `default`."""
        above = key
        while above:
            if above in self.origins:
                return self.origins[above]
            above = above[: max(above.rfind("."), above.rfind("["), 0)]
        return next((origin for given, origin in self.origins.items() if given.startswith(f"{key}.")), "default")


def leaves(model: type[BaseModel] = Settings, above: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Give every key with its field; `blocklists`, a list of tables, is one key."""
    for name, info in model.model_fields.items():
        key = above + (info.alias or name)
        if isinstance(info.annotation, type) and issubclass(info.annotation, Section):
            yield from leaves(info.annotation, key + ".")
        else:
            yield key, info


def variable_of(key: str) -> str:
    """Give the environment variable of a key: `smtp.listen` is `RESPONDER_SMTP__LISTEN`."""
    return PREFIX + key.upper().replace(".", "__")


def find_file(path: Path | None, environ: Mapping[str, str]) -> Path | None:
    """Give the settings file: `path`, else `$RESPONDER_CONFIG`, else the first usual place that has one."""
    if path is not None:
        return path
    if named := environ.get("RESPONDER_CONFIG"):
        return Path(named)
    return next((usual for usual in _USUAL_FILES if usual.exists()), None)


def read_sources(path: Path | None, environ: Mapping[str, str]) -> Tree:
    """Read the settings file `path` and the variables of `environ`, which win."""
    tree = Tree()
    if path is not None:
        _read_file(path, tree)
    _read_environment(environ, tree)
    return tree


def _read_file(path: Path, tree: Tree) -> None:
    try:
        tree.values = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        tree.problems.append(Problem("", f"cannot be read: {error.strerror}", str(path)))
    except UnicodeDecodeError:
        tree.problems.append(Problem("", "cannot be read: it is not UTF-8 text", str(path)))
    except tomllib.TOMLDecodeError as error:
        tree.problems.append(Problem("", f"is not TOML: {error}", str(path)))
    for key, value in tree.values.items():
        tree.origins[key] = str(path)
        if isinstance(value, dict):
            del tree.origins[key]
            tree.origins |= {f"{key}.{name}": str(path) for name in value}


def _read_environment(environ: Mapping[str, str], tree: Tree) -> None:
    known = {variable_of(key): (key, info) for key, info in leaves()}
    for variable in sorted(environ):
        if not variable.startswith(PREFIX) or variable in _OTHER_VARIABLES:
            continue
        if variable not in known:
            tree.problems.append(Problem(variable, "is no setting" + _suggestion(variable, known), "environment"))
            continue
        key, info = known[variable]
        tree.origins[key] = variable
        try:
            _set(tree.values, key, _decode(environ[variable], info))
        except ValueError as error:
            tree.problems.append(Problem(key, str(error), variable))


def _suggestion(name: str, known: Mapping[str, object]) -> str:
    close = get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]}?" if close else "; see docs/settings.md"


def _set(values: dict[str, Any], key: str, value: object) -> None:
    table, dot, name = key.rpartition(".")
    inner = values.setdefault(table, {}) if dot else values
    if isinstance(inner, dict):
        inner[name] = value


def _decode(text: str, info: FieldInfo) -> object:
    """Give what a variable says: a list is JSON or separated by commas, anything else is text for the field to read.

    Raises:
        ValueError: the text looks like JSON and is none.
    """
    if get_origin(info.annotation) is not tuple:
        return text
    if text.lstrip().startswith("["):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            raise ValueError('is not a JSON list; write ["one", "two"] or one,two') from None
    return [part.strip() for part in text.split(",") if part.strip()]
