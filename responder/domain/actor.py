"""Who does something: a person who signed in, a token of theirs, whoever sits at the command line, or the service."""

from dataclasses import dataclass
from enum import StrEnum

from responder.domain.roles import PERMISSIONS, Permission, Role


class ActorKind(StrEnum):
    """By which way somebody acts."""

    STAFF = "staff"
    TOKEN = "token"  # noqa: S105 - a kind, no secret
    OPERATOR = "operator"
    SERVICE = "service"


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody, as the audit names them.

    Attributes:
        kind: by which way they act.
        id: a person's login, also for their token; None for the service.
        role: what they may do.
    """

    kind: ActorKind
    id: str | None
    role: Role

    @property
    def name(self) -> str:
        """Who it is, in a word."""
        return self.id or self.kind

    def may(self, permission: Permission) -> bool:
        """Tell whether their role has `permission`."""
        return permission in PERMISSIONS[self.role]


SERVICE = Actor(ActorKind.SERVICE, None, Role.REVIEWER)
"""The service itself: what it does by the clock or by a rule, never wider than a reviewer may."""
