"""SPF (RFC 7208), judged by pyspf over facts that were looked up before.

pyspf asks for names in the middle of its work and would hold a thread for each message meanwhile. Here it runs over the
facts that are known; the first that is missing ends the run, is looked up beside those of all other messages, and the
run begins anew. A run costs a fraction of a millisecond, and the standard allows few look-ups.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import spf  # type: ignore[import-untyped]

from responder.domain.address import IPAddress
from responder.domain.findings import Result
from responder.services.evidence.facts import Fact, Kind, Status

Key = tuple[str, Kind]

_MOST_FACTS = 120  # ten mechanisms with ten hosts each, and what leads to them
_LABEL_OCTETS = 63
_NAME_OCTETS = 253
_RECORD_OCTETS = 4_096
_KINDS = frozenset(Kind)


@dataclass(frozen=True, slots=True)
class SpfResult:
    """What came of SPF: a result of RFC 7208 section 2.6, and the mechanism that decided it."""

    result: Result
    mechanism: str


class _MissingError(Exception):
    """Facts that a run needs and has not."""

    def __init__(self, keys: frozenset[Key]) -> None:
        super().__init__("facts are missing")
        self.keys = keys


async def check_spf(
    ip: IPAddress, reverse_path: str, helo_name: str, find: Callable[[str, Kind], Awaitable[Fact]]
) -> SpfResult:
    """Say what the domain of `reverse_path` says about mail from `ip`; `find` looks facts up."""
    facts: dict[Key, Fact] = {}
    while len(facts) <= _MOST_FACTS:
        try:
            return _run(ip, reverse_path, helo_name, facts)
        except _MissingError as missing:
            for key in missing.keys:
                facts[key] = await find(*key)
    return SpfResult(Result.PERMERROR, "")


def _run(ip: IPAddress, reverse_path: str, helo_name: str, facts: Mapping[Key, Fact]) -> SpfResult:
    query = _Query(str(ip), reverse_path, helo_name, facts)
    try:
        result, _, _ = query.check()
    except _MissingError:
        raise
    except Exception:  # noqa: BLE001 - whatever a hostile record does to the library
        return SpfResult(Result.PERMERROR, "")
    return SpfResult(_result(result), str(query.mechanism or "")[:_NAME_OCTETS])


def _result(text: str) -> Result:
    try:
        return Result(text)
    except ValueError:
        return Result.PERMERROR


class _Query(spf.query):  # type: ignore[misc]
    """A run of pyspf that takes its facts from a mapping."""

    def __init__(self, ip: str, reverse_path: str, helo_name: str, facts: Mapping[Key, Fact]) -> None:
        self._facts = facts
        super().__init__(ip, reverse_path, helo_name)

    def dns(self, name: str, qtype: str, cnames: Any = None, ignore_void: bool = False) -> list[Any]:  # noqa: ARG002, FBT001, FBT002 - pyspf's signature
        """Give the values of a name; one without any counts as void (RFC 7208 section 4.6.4)."""
        key = _key(name, qtype)
        found = [] if key is None else _values(self._fact(key))
        if not found and not ignore_void:
            self.void_lookups += 1
            if self.void_lookups > spf.MAX_VOID_LOOKUPS:
                raise spf.PermError("Void lookup limit exceeded")
        return found

    def dns_mx(self, domainname: str) -> Any:
        """Give the addresses of a domain's mail hosts, wanting all of them at once."""
        key = _key(domainname, "MX")
        hosts = _values(self._fact(key)) if key else []
        if len(hosts) <= spf.MAX_MX:
            self._want(host for _, host in hosts)
        return super().dns_mx(domainname)

    def validated_ptrs(self) -> list[str]:
        """Give the names of the client that lead back to it, wanting all of them at once.

        A name that cannot be looked up is passed over, and all of them are if their list cannot (section 5.5).
        """
        try:
            names = self.dns_ptr(self.i)[: spf.MAX_PTR]
        except spf.TempError:
            return []
        self._want(names)
        return [name for name in names if self._leads_back(name)]

    def _leads_back(self, name: str) -> bool:
        try:
            return bool(self.cidrmatch(self.dns_a(name, self.A), self.cidrmax))
        except spf.TempError:
            return False

    def get_explanation(self, spec: str) -> None:
        """Give no explanation: nobody would read it, and it costs look-ups of a stranger's choosing."""

    def _want(self, names: Any) -> None:
        keys = {key for name in names if (key := _key(name, self.A))}
        if missing := keys - self._facts.keys():
            raise _MissingError(frozenset(missing))

    def _fact(self, key: Key) -> Fact:
        fact = self._facts.get(key)
        if fact is None:
            raise _MissingError(frozenset({key}))
        if fact.is_unknown:
            raise spf.TempError("DNS does not answer")
        return fact


def _key(name: str, kind: str) -> Key | None:
    """Give what to look up, None for what is no name."""
    name = str(name).rstrip(".").lower()
    labels = name.split(".")
    if kind not in _KINDS or len(name) > _NAME_OCTETS or not all(0 < len(label) <= _LABEL_OCTETS for label in labels):
        return None
    return name, Kind(kind)


def _values(fact: Fact) -> list[Any]:
    if fact.status is not Status.FOUND:
        return []
    if fact.kind is Kind.MX:
        return [(int(preference), host) for preference, _, host in (one.partition(" ") for one in fact.values)]
    if fact.kind is Kind.TXT:
        return [(_record(one).encode("latin-1"),) for one in fact.values]
    return list(fact.values)


def _record(text: str) -> str:
    """Give a record as it is; one that is longer than any sender needs is made one that does not parse."""
    return text if len(text) <= _RECORD_OCTETS else text[:_RECORD_OCTETS] + " too-long"
