"""Mail addresses and IP addresses: parse, canonical form, comparison key."""

import re
import unicodedata
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

from responder.domain.special_ranges import IPV4_RANGES, IPV6_RANGES

IPAddress = IPv4Address | IPv6Address
IPNetwork = IPv4Network | IPv6Network

# RFC 5321 section 4.5.3.1; a path is the mailbox and its two angle brackets. The 64 octets of a local part are what
# everybody must take, not a ceiling: SRS and VERP write longer ones, so only the path bounds them. A domain is bounded
# as DNS has it: in its ASCII form, 255 octets with the length octets.
DOMAIN_CHARACTERS = 253
LABEL_OCTETS = 63
MAILBOX_OCTETS = 254

_IPV4 = 4
_MAPPED = IPv6Network("::ffff:0:0/96")
_MAPPED_PREFIX = bytes(10) + b"\xff\xff"
_LONGEST_IP = 45
_IP_CHARACTERS = re.compile(r"[0-9A-Fa-f:.]+")
_PREFIX_LENGTH = re.compile(r"0|[1-9][0-9]{0,2}")

# In both, characters beyond ASCII (RFC 6531) are judged by `_is_clean`.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\U0010ffff-]+"
_DOT_STRING = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_QUOTED_STRING = re.compile(r'"(?:[^"\\]|\\[ -~])*"')
# The underscore is no letter of RFC 5321 but of many a Windows host name, and DNS carries it.
_LABEL = re.compile(r"[A-Za-z0-9_\u0080-\U0010ffff](?:[A-Za-z0-9_\u0080-\U0010ffff-]*[A-Za-z0-9_\u0080-\U0010ffff])?")
_SOURCE_ROUTE = re.compile(r"@[^@,:<>\[\]\s]+(?:,@[^@,:<>\[\]\s]+)*:")
_JOINERS = str.maketrans("", "", "\u200c\u200d")

_BATV = re.compile(r"(?:prvs=[^=]*=|btv1==[^=]*==)(.+)")
_SRS0 = re.compile(r"srs0[=+-][^=]*=[^=]*=([^=]+)=(.+)")
_SRS1 = re.compile(r"srs1[=+-][^=]*=[^=]*=[=+-][^=]*=[^=]*=([^=]+)=(.+)")
_VERP_NUMBER = re.compile(r"(?<=.)[-=][0-9]{3,}(?=[-=]|$)")
_WRAPPINGS = 4


class AddressError(ValueError):
    """Text that is no address of the kind asked for; its message is safe to show and never repeats the text."""


def parse_ip(text: str) -> IPAddress:
    """Give the address that `text` spells; an IPv4-mapped IPv6 address becomes the IPv4 address.

    Raises:
        AddressError: `text` is no str, has a zone id, octets with leading zeros, blanks, or is no address at all.
    """
    if not isinstance(text, str) or len(text) > _LONGEST_IP or not _IP_CHARACTERS.fullmatch(text):
        raise AddressError("not an IP address")
    try:
        if ":" not in text:
            return IPv4Address(text)
        ip = IPv6Address(text)
    except ValueError:
        raise AddressError("not an IP address") from None
    return ip.ipv4_mapped or ip


def parse_network(text: str) -> IPNetwork:
    """Give the network `ADDRESS/PREFIX`, or the single address without a prefix.

    Raises:
        AddressError: the address is none (see `parse_ip`), the prefix is no plain number in range, host bits are set,
            or an IPv6 network is so wide that it holds every IPv4 address (`::/n` below 96).
    """
    if not isinstance(text, str):
        raise AddressError("not a network")
    address, slash, prefix = text.partition("/")
    ip = parse_ip(address)
    if not slash:
        return host_network(ip)
    if not _PREFIX_LENGTH.fullmatch(prefix):
        raise AddressError("the prefix length is not a number in range")
    shift = 96 if ":" in address and isinstance(ip, IPv4Address) else 0
    return _network(ip, int(prefix) - shift)


def _network(ip: IPAddress, prefix: int) -> IPNetwork:
    if not 0 <= prefix <= ip.max_prefixlen:
        raise AddressError("the prefix length is not a number in range")
    try:
        network = ip_network((ip, prefix))
    except ValueError:
        raise AddressError("the network has host bits set") from None
    if isinstance(network, IPv6Network) and network.supernet_of(_MAPPED):
        raise AddressError("the network holds every IPv4 address")
    return network


def host_network(ip: IPAddress) -> IPNetwork:
    """Give the network that holds `ip` alone."""
    return IPv4Network(int(ip)) if isinstance(ip, IPv4Address) else IPv6Network(int(ip))


def ip_key(ip: IPAddress) -> bytes:
    """Give the 16 bytes by which `ip` is stored and sorted; IPv4 as IPv4-mapped IPv6 (RFC 4291 section 2.5.5.2)."""
    return ip.packed if isinstance(ip, IPv6Address) else _MAPPED_PREFIX + ip.packed


def key_to_ip(key: bytes) -> IPAddress:
    """Give the address of which `key` is the `ip_key`."""
    return IPv4Address(key[12:]) if key.startswith(_MAPPED_PREFIX) else IPv6Address(key)


def network_keys(network: IPNetwork) -> tuple[bytes, bytes, int]:
    """Give the keys of the first and last address of `network`, and its prefix length in its own family."""
    return ip_key(network.network_address), ip_key(network.broadcast_address), network.prefixlen


def special_range(subject: IPAddress | IPNetwork) -> str | None:
    """Name the special range in which an address lies, or which a network touches; None in ordinary unicast space."""
    if isinstance(subject, IPv4Address | IPv6Address):
        first = last = int(subject)
    else:
        first, last = int(subject.network_address), int(subject.broadcast_address)
    ranges = IPV4_RANGES if subject.version == _IPV4 else IPV6_RANGES
    return next((name for lowest, highest, name in ranges if first <= highest and lowest <= last), None)


def is_public(ip: IPAddress) -> bool:
    """Tell whether `ip` is an ordinary unicast address of the internet."""
    return special_range(ip) is None


def parse_path(text: str) -> str:
    """Give the mailbox of a path, written without its angle brackets; empty for the null path.

    A source route is accepted and ignored (RFC 5321 section 4.1.1.3, appendix C).

    Raises:
        AddressError: what is left is no mailbox.
    """
    route = _SOURCE_ROUTE.match(text)
    return parse_mailbox(text[route.end() :] if route else text) if text else ""


def parse_mailbox(text: str) -> str:
    """Give `text` back when it is a Mailbox of RFC 5321 section 4.1.2, extended by RFC 6531 section 3.3.

    Raises:
        AddressError: it is none, is longer than a path may be, or holds controls or lone surrogates.
    """
    if not isinstance(text, str) or not _is_clean(text):
        raise AddressError("the address holds a character that no address may hold")
    if len(text.encode()) > MAILBOX_OCTETS:
        raise AddressError("the address is too long")
    local, at, domain = text.rpartition("@")
    if not at:
        raise AddressError("the address has no domain")
    if not _is_local_part(local):
        raise AddressError("the local part is malformed")
    if not (_is_literal(domain) if domain.startswith("[") else _is_domain(domain)):
        raise AddressError("the domain is malformed")
    return text


def _is_clean(text: str) -> bool:
    """Tell whether `text` has no control, format, private, unassigned or blank character save the ASCII space.

    The two joiners are let through; several scripts and composed symbols need them.
    """
    return text.translate(_JOINERS).isprintable()


def _is_local_part(local: str) -> bool:
    return bool((_QUOTED_STRING if local.startswith('"') else _DOT_STRING).fullmatch(local))


def _is_domain(domain: str) -> bool:
    if len(canonical_domain(domain)) > DOMAIN_CHARACTERS:
        return False
    return all(_LABEL.fullmatch(label) and _is_label(label) for label in domain.split("."))


def _is_label(label: str) -> bool:
    """Tell whether a label fits DNS in its ASCII form, and has letters, marks and digits only beyond ASCII."""
    if label.isascii():
        return len(label) <= LABEL_OCTETS
    letters = all(c.isascii() or unicodedata.category(c)[0] in "LMN" or c in "\u00b7\u200c\u200d\u30fb" for c in label)
    return letters and len(_ascii_label(label)) <= LABEL_OCTETS


def _ascii_label(label: str) -> str:
    """Give the A-label of a label in normal form (RFC 5890 section 2.3.2.1); one too long for DNS stays as it is."""
    return (
        label
        if label.isascii() or len(label) > LABEL_OCTETS
        else f"xn--{label.encode('punycode', 'replace').decode('ascii')}"
    )


def _is_literal(domain: str) -> bool:
    """Tell whether `domain` is an IPv4 or IPv6 address literal (RFC 5321 section 4.1.3)."""
    is_ipv6 = domain[:6].lower() == "[ipv6:"
    text = domain[6:-1] if is_ipv6 else domain[1:-1]
    try:
        parse_ip(text)
    except AddressError:
        return False
    return domain.endswith("]") and is_ipv6 == (":" in text)


def domain_of(address: str) -> str:
    """Give the domain of `address` in the form to compare: lower case, A-labels, no dot at its end.

    Takes any text and never fails; empty when there is no domain.
    """
    domain = address.rpartition("@")[2] if "@" in address else ""
    return canonical_domain(domain)


def canonical_domain(domain: str) -> str:
    """Give a domain or host name in the form to compare: lower case, A-labels, no dot at its end."""
    lowered = domain[: 4 * DOMAIN_CHARACTERS].lower().rstrip(".")
    if lowered.isascii():
        return lowered
    return ".".join(_ascii_label(label) for label in unicodedata.normalize("NFC", lowered).split("."))


def in_domain(name: str, domain: str) -> bool:
    """Tell whether the host or domain `name` is `domain` or lies under it."""
    name, domain = canonical_domain(name), canonical_domain(domain)
    return bool(domain) and (name == domain or name.endswith(f".{domain}"))


def canonical_address(address: str) -> str:
    """Give `address` in the form to compare: lower case, quotes that are not needed removed, `domain_of` its domain.

    Takes any text and never fails; text without a domain is only lower-cased.
    """
    if "@" not in address:
        return address.lower()
    local = address.rpartition("@")[0].lower()
    if _QUOTED_STRING.fullmatch(local):
        plain = re.sub(r"\\(.)", r"\1", local[1:-1])
        local = plain if _DOT_STRING.fullmatch(plain) else local
    return f"{local}@{domain_of(address)}"


def sender_key(reverse_path: str) -> str:
    """Give the key under which a sender is counted and remembered, so that one mailbox cannot pass for many.

    `canonical_address` without what changes from message to message: BATV tags (`prvs=TAG=`, `btv1==TAG==`), SRS
    wrappings (then the original domain is used), `+detail`, and the numbers of variable envelope return paths. Only a
    key: mail goes to the reverse-path as given. Takes any text and never fails; empty for the null reverse-path.
    """
    local, at, domain = unwrapped_address(reverse_path).rpartition("@")
    if not at:
        return domain
    base = local.partition("+")[0] or local
    return f"{_VERP_NUMBER.sub('', base)}@{domain}"


def unwrapped_address(address: str) -> str:
    """Give `canonical_address` without BATV and SRS wrappings, which may lie in one another."""
    local, at, domain = canonical_address(address).rpartition("@")
    if not at:
        return domain
    for _ in range(_WRAPPINGS):
        if batv := _BATV.fullmatch(local):
            local = batv[1]
        elif srs := _SRS0.fullmatch(local) or _SRS1.fullmatch(local):
            domain, local = canonical_domain(srs[1]), srs[2]
        else:
            break
    return f"{local}@{domain}"
