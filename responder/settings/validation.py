"""From the tree that was read to frozen settings, with everything that is wrong at once."""

from copy import deepcopy
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from responder.settings.checks import Finding, contradictions
from responder.settings.model import Blocklist, Section, Settings
from responder.settings.sources import Problem, Tree

_WORDS = {
    "missing": "must be given",
    "too_short": "must not be empty",
    "string_too_short": "must not be empty",
}
_KINDS = {
    "int": "must be a whole number",
    "float": "must be a number",
    "bool": "must be true or false",
    "string": "must be text in quotes",
    "tuple": 'must be a list, such as ["one", "two"]',
    "model": "must be a table of settings",
    "dataclass": "must be text in quotes",
    "is": "must be text in quotes",
}


def validate(tree: Tree) -> tuple[Settings, list[Problem]]:
    """Give the settings of `tree` and their problems; a faulty one has its default, so that the rest can be judged."""
    values = _with_derived_defaults(tree.values)
    problems: list[Problem] = []
    faulty: set[str] = set()
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        for details in error.errors(include_url=False):
            key = _key(details["loc"])
            if details["type"] == "too_short" and key in faulty:
                continue  # pydantic counts only the items that it could read
            if tree.origin(key) != "default":  # else it only follows a faulty one
                problems.append(Problem(key, _explain(details), tree.origin(key)))
            faulty.add(_remove(values, details["loc"]))
        settings = Settings.model_validate(_with_derived_defaults(values))
    faulty |= {problem.key for problem in tree.problems}
    problems += [
        finding_problem(finding, tree)
        for finding in contradictions(settings)
        if not any(key in faulty or key.partition(".")[0] in faulty for key in finding[0])
    ]
    return settings, problems


def finding_problem(finding: Finding, tree: Tree) -> Problem:
    """Give a finding as the problem of the key to mend; its origin is that of a key that somebody gave."""
    keys, text = finding
    origins = [origin for key in keys if (origin := tree.origin(key)) != "default"]
    return Problem(keys[0], text, origins[0] if origins else "default")


def _with_derived_defaults(given: dict[str, Any]) -> dict[str, Any]:
    """Give a copy in which what was not set follows what was: From the bypass address, postmaster the domain."""
    values = deepcopy(given)
    for (table, name), (source, key), text in (
        (("reply", "from"), ("smtp", "bypass_addresses"), "Mail delivery help <{}>"),
        (("organization", "postmaster"), ("organization", "domain"), "postmaster@{}"),
    ):
        origin = values.get(source)
        value = origin.get(key) if isinstance(origin, dict) else None
        first = value[0] if isinstance(value, list) and value else value
        target = values.setdefault(table, {}) if isinstance(first, str) else None
        if isinstance(target, dict):
            target.setdefault(name, text.format(first))
    return values


def _key(location: tuple[int | str, ...]) -> str:
    key = ""
    for step in location:
        key += f"[{step}]" if isinstance(step, int) else f".{step}"
    return key.removeprefix(".")


def _remove(values: dict[str, Any], location: tuple[int | str, ...]) -> str:
    """Take the setting at `location` out of `values`, lists as a whole, and give its key."""
    container, path = values, []
    for step in location:
        path.append(str(step))
        inner = container.get(str(step))
        if not isinstance(inner, dict) or step == location[-1]:
            break
        container = inner
    container.pop(path[-1], None)
    return ".".join(path)


def _explain(details: ErrorDetails) -> str:
    kind, context = details["type"], details.get("ctx", {})
    match kind:
        case "value_error":
            text = str(context["error"])
        case "extra_forbidden":
            text = "is no setting" + _suggestion(details["loc"])
        case "literal_error":
            text = f"must be one of {context['expected']}"
        case "greater_than" | "greater_than_equal" | "less_than_equal":
            text = _range(context)
        case _:
            text = _WORDS.get(kind) or _KINDS.get(kind.partition("_")[0], details["msg"])
    return text


def _range(context: dict[str, Any]) -> str:
    if "gt" in context:
        return f"must be more than {context['gt']}"
    return f"must be {context['ge']} or more" if "ge" in context else f"must be {context['le']} or less"


def _suggestion(location: tuple[int | str, ...]) -> str:
    model: type[BaseModel] = Settings
    for step in location[:-1]:
        info = model.model_fields.get(str(step))
        if info is not None and isinstance(info.annotation, type) and issubclass(info.annotation, Section):
            model = info.annotation
        elif step == "blocklists":
            model = Blocklist
    names = [info.alias or name for name, info in model.model_fields.items()]
    close = get_close_matches(str(location[-1]), names, n=1)
    return f"; did you mean {close[0]}?" if close else f"; here stand {', '.join(names)}"
