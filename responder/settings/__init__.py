"""The settings: TOML and environment into frozen models, with every problem reported at once."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from responder.settings.checks import missing_files
from responder.settings.effective import Effective, effective, hide_password
from responder.settings.model import Blocklist, Settings
from responder.settings.sources import Problem, SettingsError, Tree, find_file, read_sources
from responder.settings.validation import finding_problem, validate
from responder.settings.values import Endpoint

__all__ = [
    "Blocklist",
    "Effective",
    "Endpoint",
    "Loaded",
    "Problem",
    "Settings",
    "SettingsError",
    "hide_password",
    "load",
]


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings that can be used, and where they came from.

    Attributes:
        settings: the values.
        file: the file that was read, None without one.
        tree: what was given, with the origin of each key.
    """

    settings: Settings
    file: Path | None
    tree: Tree

    def effective(self) -> Iterator[Effective]:
        """Give every setting as it is in force, with its origin and without secrets."""
        return effective(self.settings, self.tree)

    def missing_files(self) -> list[Problem]:
        """Give a problem for each file that the service needs at its start and this process cannot read."""
        return [finding_problem(finding, self.tree) for finding in missing_files(self.settings)]


def load(path: Path | None, environ: Mapping[str, str]) -> Loaded:
    """Read the settings from `path` (None looks in the usual places) and from the variables of `environ`, which win.

    Raises:
        SettingsError: with everything that is wrong.
    """
    file = find_file(path, environ)
    tree = read_sources(file, environ)
    settings, problems = validate(tree)
    if tree.problems or problems:
        raise SettingsError([*tree.problems, *problems])
    return Loaded(settings, file, tree)
