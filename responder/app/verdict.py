"""What comes of looking at one part of the service."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How a part is."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found about one part.

    Attributes:
        part: such as `database`.
        verdict: whether it works.
        text: what was seen, and what to do.
    """

    part: str
    verdict: Verdict
    text: str
