"""People who may sign in: roles, and what each of them may do."""

import re
from enum import StrEnum

_LOGIN = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")


class Role(StrEnum):
    """What a person is to the service; each may do all that the one before may."""

    READER = "reader"
    REVIEWER = "reviewer"
    EDITOR = "editor"
    ADMIN = "admin"


class Permission(StrEnum):
    """One kind of thing that a page or a call of the API does.

    Attributes:
        PUBLIC: needs nobody.
        SELF: concerns the one who is signed in alone.
        READ: look at the queue and at everything that came and left.
        EXPORT: fetch what is exempt in the formats of other programs.
        DECIDE: decide about requests, exemptions, blocked senders.
        SEND: let messages leave again, or keep them from leaving.
        EDIT: change templates.
        MANAGE: add people, change their roles, end their sessions.
    """

    PUBLIC = "public"
    SELF = "self"
    READ = "read"
    EXPORT = "export"
    DECIDE = "decide"
    SEND = "send"
    EDIT = "edit"
    MANAGE = "manage"


_P = Permission
_READER = frozenset({_P.PUBLIC, _P.SELF, _P.READ, _P.EXPORT})
_REVIEWER = _READER | {_P.DECIDE, _P.SEND}
_EDITOR = _REVIEWER | {_P.EDIT}

PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.READER: _READER,
    Role.REVIEWER: _REVIEWER,
    Role.EDITOR: _EDITOR,
    Role.ADMIN: _EDITOR | {_P.MANAGE},
}

# What a token can be limited to; it may do nothing to the person that it belongs to.
SCOPES = (_P.READ, _P.EXPORT, _P.DECIDE, _P.SEND, _P.EDIT, _P.MANAGE)


class LoginError(ValueError):
    """Text that is no login."""


def parse_login(text: str) -> str:
    """Give the login that `text` spells, in lower case.

    Raises:
        LoginError: it is none.
    """
    login = text.strip().lower()
    if not _LOGIN.fullmatch(login):
        raise LoginError("a login is of a-z, 0-9, dots, hyphens, underscores and @, at most 64 characters")
    return login
