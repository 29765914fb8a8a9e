"""Authentication-Results (RFC 8601) of our own relay; anybody else's is only a claim."""

from collections.abc import Iterator
from dataclasses import dataclass

import authres  # type: ignore[import-untyped]

from responder.domain.findings import Check, Result
from responder.domain.header import Header
from responder.domain.hops import read_hop
from responder.services.evidence.signatures import MOST_SIGNATURES

_FIELD = "authentication-results"
_FIELD_CHARACTERS = 4_000
_CHECKS = {"spf": Check.SPF, "dkim": Check.DKIM, "dmarc": Check.DMARC}
_PROPERTIES = {
    Check.SPF: (("smtp", "mailfrom"), ("smtp", "helo")),
    Check.DKIM: (("header", "d"), ("header", "i")),
    Check.DMARC: (("header", "from"),),
}


@dataclass(frozen=True, slots=True)
class RelayResult:
    """One result of a relay.

    Attributes:
        check: what it checked.
        result: what came of it.
        domain: whose domain it is about, lower case; empty when the field does not say.
        relay: the relay's name.
    """

    check: Check
    result: Result
    domain: str
    relay: str


def read_relay_results(header: Header) -> tuple[RelayResult, ...]:
    """Give what the trusted relay, from which a message came, found out about it.

    The relay wrote the topmost Received field. Its results stand above that or right below it, before any older
    Received field, in the topmost field that bears the relay's own name; whatever stands deeper came with the message.
    """
    relay, values = _top(header)
    for value in values:
        parsed = _parse(value)
        if parsed is not None and relay and parsed.authserv_id == relay:
            return tuple(_results(parsed, relay))
    return ()


def _top(header: Header) -> tuple[str, list[str]]:
    """Give the name of the relay, and the fields that it may have written."""
    relay, values = "", []
    for field in header.fields:
        if field.key == "received":
            if relay:
                break
            relay = read_hop(field.value).by
            if not relay:
                break
        elif field.key == _FIELD:
            values.append(" ".join(field.value[:_FIELD_CHARACTERS].split()))
    return relay, values


def _parse(value: str) -> authres.AuthenticationResultsHeader | None:
    try:
        return authres.parse_value(value)
    except Exception:  # noqa: BLE001 - whatever stands there
        return None


def _results(parsed: authres.AuthenticationResultsHeader, relay: str) -> Iterator[RelayResult]:
    for each in parsed.results[: 3 * MOST_SIGNATURES]:
        check = _CHECKS.get(str(getattr(each, "method", "")).lower())
        result = _result(each)
        if check and result:
            yield RelayResult(check, result, _domain(each, check), relay)


def _result(each: object) -> Result | None:
    try:
        return Result(str(getattr(each, "result", "")).lower())
    except ValueError:
        return None


def _domain(each: object, check: Check) -> str:
    found = {(one.type, one.name): str(one.value) for one in getattr(each, "properties", ())}
    value = next((found[name] for name in _PROPERTIES[check] if name in found), "")
    return value.rpartition("@")[2].lower().rstrip(".")
