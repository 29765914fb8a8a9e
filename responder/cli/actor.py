"""Who acts at the command line: whoever may run it may do everything, or what the person may whom --by names."""

from sqlalchemy import Connection

from responder.cli.failures import Failure
from responder.domain.actor import Actor, ActorKind
from responder.domain.roles import Role
from responder.storage.staff import find_person


def read_actor(connection: Connection, by: str | None, *, default: str | None = None) -> Actor:
    """Give who acts: with the rights of the person of the login `by`, or, where there is none, of an admin.

    `default` is who acts where `by` is None.

    Raises:
        Failure: the person is disabled.
    """
    person = None if by is None else find_person(connection, by)
    if person is not None and person["disabled_at"] is not None:
        raise Failure(f"{by} is disabled and decides nothing")
    return Actor(ActorKind.OPERATOR, by or default, Role.ADMIN if person is None else Role(person["role"]))
