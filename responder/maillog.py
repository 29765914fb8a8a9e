"""The operator's log: one function per event, each one line of `event key=value ...` or one JSON object.

The words here are a closed vocabulary: what is not an event of interest to a postmaster is not logged. Values come
from mail and are hostile; `clean` makes each safe for a line and a terminal.
"""

import json
import logging
import secrets
import sys
import unicodedata
from datetime import UTC, datetime
from typing import Any

_log = logging.getLogger("responder")
_VALUE_CHARACTERS = 500


def clean(value: object) -> str:
    r"""Give `value` as text for one line of a log or terminal.

    Control, format (bidirectional, zero-width) and separator characters and lone surrogates become escapes such as
    `\x1b`, and text past 500 characters is cut with an ellipsis.
    """
    text = str(value)
    if len(text) > _VALUE_CHARACTERS:
        text = text[: _VALUE_CHARACTERS - 1] + "\N{HORIZONTAL ELLIPSIS}"
    return clean_whole(text)


def clean_whole(value: object) -> str:
    """Give `value` as `clean` does, however long it is: for a terminal, where a person wants to see all of it."""
    text = str(value)
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escape(character) for character in text)


def _escape(character: str) -> str:
    if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}:
        return character.encode("unicode_escape", "surrogatepass").decode("ascii")
    return character


class _Formatter(logging.Formatter):
    """Lines of text: time, level, event, key=value."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        fields: dict[str, Any] = getattr(record, "fields", {})
        pairs = "".join(f" {key}={_quote(clean(value))}" for key, value in fields.items() if value is not None)
        line = f"{at} {record.levelname.lower()} {clean(record.getMessage())}{pairs}"
        if record.exc_info:
            line += "".join("\n    " + clean(part) for part in self.formatException(record.exc_info).splitlines())
        return line


class _JsonFormatter(logging.Formatter):
    """Lines of JSON with the same content."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        fields: dict[str, Any] = getattr(record, "fields", {})
        data: dict[str, Any] = {"at": at, "level": record.levelname.lower(), "event": clean(record.getMessage())}
        data |= {
            key: value if isinstance(value, int | float) else clean(value)
            for key, value in fields.items()
            if value is not None
        }
        if record.exc_info:
            data["exception"] = self.formatException(record.exc_info)
        return json.dumps(data, ensure_ascii=True)


def _quote(text: str) -> str:
    if text and " " not in text and '"' not in text and "=" not in text:
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def configure(style: str) -> None:
    """Send the log to standard error in `style`, `text` or `json`; libraries are heard from warnings up."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonFormatter() if style == "json" else _Formatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    _log.setLevel(logging.INFO)


def _event(level: int, event: str, /, *, exc_info: BaseException | None = None, **fields: object) -> None:
    if _log.isEnabledFor(level):
        # Not `log`, which looks for its caller each time: no line tells that.
        error = exc_info and (type(exc_info), exc_info, exc_info.__traceback__)
        _log.handle(_log.makeRecord(_log.name, level, "", 0, event, (), error or None, extra={"fields": fields}))


def started(*, version: str, faces: str, database: str) -> None:
    """The service is up."""
    _event(logging.INFO, "started", version=version, faces=faces, database=database)


def answers_kept(*, folder: object) -> None:
    """The relay is a Maildir: what should leave is kept in `folder`."""
    _event(logging.WARNING, "answers-kept", folder=folder, why="relay.url is a Maildir, none leaves; set a relay")


def stopping() -> None:
    """The service was told to end: it takes nothing new and finishes what it has in hand."""
    _event(logging.INFO, "stopping")


def stopped() -> None:
    """The service has drained and ends."""
    _event(logging.INFO, "stopped")


def listening(*, face: str, host: str, port: int) -> None:
    """A face waits for connections on a port of the address `host`."""
    _event(logging.INFO, "listening", face=face, address=f"[{host}]:{port}" if ":" in host else f"{host}:{port}")


def reread(*, restart_for: str | None) -> None:
    """Settings and templates were read again; those named in `restart_for` changed and need a new start."""
    _event(logging.INFO, "reread", restart_for=restart_for)


def settings_refused(*, problem: object) -> None:
    """Something is wrong with the settings that were to be read again; the old ones stay."""
    _event(logging.ERROR, "settings-refused", problem=problem)


def recorded(
    *,
    reference: str,
    reverse_path: str,
    client: object,
    disposition: str,
    reason: str | None,
    address: object,
    software: str | None,
    size: int,
    repeated: bool,
) -> None:
    """A message is stored; its client hears 250 now."""
    _event(
        logging.INFO,
        "recorded",
        reference=reference,
        reverse_path=f"<{reverse_path}>",
        client=client,
        disposition=disposition,
        reason=reason,
        address=address,
        software=software,
        size=size,
        repeated="yes" if repeated else None,
    )


def not_recorded(*, reverse_path: str, client: object, why: str) -> None:
    """A message could not be stored; its client hears 451 and keeps it."""
    _event(logging.WARNING, "not-recorded", reverse_path=f"<{reverse_path}>", client=client, why=why)


def refused(*, client: object, helo_name: str, command: str, reply: str) -> None:
    """A command was refused, or a session ended, with `reply`."""
    _event(logging.INFO, "refused", client=client, helo_name=helo_name, command=command, reply=reply)


def policy_refused(*, client: object, sender: str, recipient: str, ground: str, detail: str, reference: str) -> None:
    """A mail server was told to refuse a recipient."""
    _event(
        logging.INFO,
        "policy-refused",
        client=client,
        sender=f"<{sender}>",
        recipient=f"<{recipient}>",
        ground=ground,
        detail=detail,
        reference=reference,
    )


def policy_closed(*, peer: str, why: str) -> None:
    """A connection to the policy service was closed without an answer, for what its client did."""
    _event(logging.WARNING, "policy-closed", peer=peer, why=why)


def list_file_read(*, file: str, entries: int, skipped: int | None) -> None:
    """A blocklist that is a file was read; lines that could not be understood were skipped."""
    _event(logging.INFO, "list-file-read", file=file, entries=entries, skipped=skipped)


def list_file_trouble(*, file: str, why: str) -> None:
    """A blocklist that is a file cannot be read; what it said before still counts."""
    _event(logging.ERROR, "list-file-trouble", file=file, why=why)


def handed_over(*, outbound_id: int, kind: str, recipient: str, attempts: int, reply: str) -> None:
    """The relay took an outbound message."""
    _event(logging.INFO, "handed-over", id=outbound_id, kind=kind, recipient=recipient, attempts=attempts, reply=reply)


def deferred(*, outbound_id: int, kind: str, recipient: str, attempts: int, reply: str, due_at: datetime) -> None:
    """The relay did not take an outbound message for now; it is tried again at `due_at`."""
    _event(
        logging.WARNING,
        "deferred",
        id=outbound_id,
        kind=kind,
        recipient=recipient,
        attempts=attempts,
        reply=reply,
        due_at=due_at.isoformat(timespec="seconds"),
    )


def failed(*, outbound_id: int, kind: str, recipient: str, attempts: int, reply: str) -> None:
    """An outbound message is given up; staff see it, nobody gets a bounce."""
    _event(logging.ERROR, "failed", id=outbound_id, kind=kind, recipient=recipient, attempts=attempts, reply=reply)


def cancelled(*, outbound_id: int, kind: str, recipient: str, reason: str) -> None:
    """An outbound message will not leave after all."""
    _event(logging.INFO, "cancelled", id=outbound_id, kind=kind, recipient=recipient, reason=reason)


def template_failed(*, template: str, locale: str, problem: str) -> None:
    """A template could not be rendered; the next safer one was used."""
    _event(logging.ERROR, "template-failed", template=template, locale=locale, problem=problem)


def published(*, format_name: str, entries: int | None) -> None:
    """The file of one export was replaced."""
    _event(logging.INFO, "published", format=format_name, entries=entries)


def not_published(*, format_name: str, entries: int | None, published: int | None) -> None:
    """A list shrank by more than the settings allow, so the file that is published stays as it is."""
    _event(logging.ERROR, "not-published", format=format_name, entries=entries, published=published)


def publishing_failed(*, folder: object, error: object) -> None:
    """A file of exemptions cannot be written; the old one stays."""
    _event(logging.ERROR, "publishing-failed", folder=folder, error=error)


def templates_changed(*, edited: int) -> None:
    """Staff published or withdrew templates: from now on these are used, `edited` of them not as they were shipped."""
    _event(logging.INFO, "templates-changed", edited=edited)


def decided(*, reference: str, action: str, by: str, state: str, network: object, expires_at: object) -> None:
    """Somebody decided about a request, which now is in `state`; `network` is exempt by it until `expires_at`."""
    _event(
        logging.INFO,
        "decided",
        reference=reference,
        action=action,
        by=by,
        state=state,
        network=network,
        expires_at=expires_at,
    )


def exempted(*, event: str, by: str, network: object, expires_at: object) -> None:
    """An exemption was `added`, `renewed` or `revoked` apart from a decision about a request."""
    _event(logging.INFO, "exemption", change=event, by=by, network=network, expires_at=expires_at)


def signed_in(*, login: str, how: str) -> None:
    """A person signed in to the pages, by `link` or `password`."""
    _event(logging.INFO, "signed-in", login=login, how=how)


def sign_in_refused(*, login: str, client: object) -> None:
    """Somebody gave a wrong login or password."""
    _event(logging.WARNING, "sign-in-refused", login=login, client=client)


def webhook_failed(*, why: str) -> None:
    """The webhook of `staff.webhook` did not take what staff are told; the same went by mail."""
    _event(logging.WARNING, "webhook-failed", why=why)


def clock_jumped(*, seconds: int) -> None:
    """The clock was set by `seconds`; for an hour nothing is given up for its age."""
    _event(logging.WARNING, "clock-jumped", seconds=seconds)


def storage_trouble(*, what: str, error: BaseException) -> None:
    """The database did not do what was asked; nothing was acknowledged."""
    _event(logging.ERROR, "storage-trouble", what=what, error=f"{type(error).__name__}: {error}")


def storage_recovered(*, what: str) -> None:
    """The database works again."""
    _event(logging.INFO, "storage-recovered", what=what)


def incident(*, where: str, error: BaseException) -> str:
    """An internal fault; gives the incident id that a public reply may show."""
    identifier = secrets.token_hex(4)
    _event(logging.ERROR, "incident", exc_info=error, incident=identifier, where=where)
    return identifier
