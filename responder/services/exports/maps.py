"""Files with one network a line: for Postfix, postscreen, rspamd and Exim."""

from collections.abc import Iterable, Iterator

from responder.domain.address import IPNetwork
from responder.services.exports.lines import about, head, network_text, networks, rules
from responder.storage.exported import Exempt

_IPV6 = 6


def write_postfix_cidr(exempt: Iterable[Exempt]) -> Iterator[str]:
    """Write a cidr table for `check_client_access` (Postfix cidr_table(5), access(5)).

    A rule whose network is not in its canonical form is skipped by Postfix, with a warning alone.
    """
    return _write_cidr(exempt, "OK")


def write_postscreen(exempt: Iterable[Exempt]) -> Iterator[str]:
    """Write a cidr table for `postscreen_access_list`, which knows `permit`, not `OK` (Postfix postconf(5))."""
    return _write_cidr(exempt, "permit")


def _write_cidr(exempt: Iterable[Exempt], action: str) -> Iterator[str]:
    yield from head()
    for each in exempt:
        yield f"{about(each)}{network_text(each.network)} {action}\n"


def read_cidr(lines: Iterable[str]) -> Iterator[IPNetwork]:
    """Read a cidr table whose rules all exempt."""
    return networks(rule.split()[0] for rule in rules(lines))


def write_rspamd(exempt: Iterable[Exempt]) -> Iterator[str]:
    """Write an address map of rspamd: one network a line, IPv6 addresses in brackets."""
    yield from head()
    for each in exempt:
        yield f"{about(each)}{_bracketed(each.network)}\n"


def _bracketed(network: IPNetwork) -> str:
    address, slash, prefix = network_text(network).partition("/")
    return f"[{address}]{slash}{prefix}" if network.version == _IPV6 else f"{address}{slash}{prefix}"


def read_rspamd(lines: Iterable[str]) -> Iterator[IPNetwork]:
    """Read an address map of rspamd."""
    return networks(rule.replace("[", "").replace("]", "") for rule in rules(lines))


def write_exim(exempt: Iterable[Exempt]) -> Iterator[str]:
    """Write a file for `net-iplsearch` (Exim specification, "Single-key lookup types").

    The colon ends the key, so an IPv6 address stands in quotes; the value is the id of the exemption.
    """
    yield from head()
    for each in exempt:
        key = network_text(each.network)
        quoted = f'"{key}"' if each.network.version == _IPV6 else key
        yield f"{about(each)}{quoted}: {each.id}\n"


def read_exim(lines: Iterable[str]) -> Iterator[IPNetwork]:
    """Read a file for `net-iplsearch`."""
    return networks(rule.rpartition(":")[0].strip('"') for rule in rules(lines))
