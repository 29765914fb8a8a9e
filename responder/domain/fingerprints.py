"""Which mail server software the sender runs, read from what that software writes about itself.

What decides is the server that was *refused*. A message that is itself a report tells of the server that wrote it.
Otherwise the outer header tells of the sender's own server when the message came from the refused address, or when
nothing of a report is quoted; else the quoted report decides. People forward from a phone or from a mailbox elsewhere
because their own server is blocked, so the servers of large mailbox providers never decide for a forward.

How sure an answer is:

* `certain` needs a line that the server itself wrote about itself, in a header or in an attached report.
* A client that implies a server, words that several products share, a host that only its place in the chain ties to
  the sender, and everything that a person may have typed or pasted (the text of the message that came to us) are
  `likely` at most.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from responder.domain.address import IPAddress
from responder.domain.charset import one_line
from responder.domain.hops import Hop, came_from_provider, mail_organisations, read_path, sender_hops
from responder.domain.message import Field, Header, InboundMessage, Part, PartKind
from responder.domain.plea import Certainty, Software
from responder.domain.products import PRODUCTS
from responder.domain.signs import Product, Sign

EVIDENCE_CHARACTERS = 500
FIELD_CHARACTERS = 2_000
PASTED_CHARACTERS = 16_384

_EXACT: dict[str, list[tuple[Product, Sign]]] = {}
_PREFIXED: list[tuple[str, Product, Sign]] = []
for _product in PRODUCTS:
    for _key, _sign in _product.fields:
        if _key.endswith("*"):
            _PREFIXED.append((_key[:-1], _product, _sign))
        else:
            _EXACT.setdefault(_key, []).append((_product, _sign))
_PREFIXES = tuple(prefix for prefix, _, _ in _PREFIXED)
_RECEIVED = [(sign.literal, product, sign) for product in PRODUCTS for sign in product.received]
_WORDING = [(sign.literal, product, sign) for product in PRODUCTS for sign in product.wording]

_PASTED = ("received: ", "x-mimeole: ", "x-mailer: ")
_FIELD = re.compile(r"([A-Za-z][A-Za-z0-9-]{0,60}): ?(.{0,2000})")


@dataclass(frozen=True, slots=True)
class _FieldSign:
    """What one header field shows; `stamp` as in `Sign`, `rank` as in `Product`."""

    software: Software
    rank: int
    stamp: bool


@dataclass(frozen=True, slots=True)
class _Report:
    """A non-delivery report: its header, what its words show, and the headers of what it returns."""

    header: Header
    words: list[Software]
    returned: tuple[Header, ...]


def identify(message: InboundMessage, *, client: IPAddress | None, refused: IPAddress | None) -> Software | None:
    """Name the software of the server that was refused, None when nothing tells.

    `client` is the host that sent the message, None when it is not known; `refused` the address that was refused.
    Where the client is not known, an outer header that shows the same as the quoted report is its better evidence.
    """
    if _is_report(message.header):
        return _read_report(_Report(message.header, _wording(_texts(message.parts)), _returned(message.parts)))
    came_from_elsewhere = client is not None and refused is not None and client != refused
    outer = None if came_from_elsewhere else _read_sender(message.header, client)
    if outer is not None and client is not None and client == refused:
        return outer
    texts = _texts(message.parts)
    quoted = _read_quoted(message, texts)
    if quoted is None:
        return outer or _read_copies(message, texts)
    return outer if outer is not None and client is None and _confirms(outer, quoted) else quoted


def _read_sender(header: Header, client: IPAddress | None = None) -> Software | None:
    """Name the sender's server from the header of a message that it sent.

    Its own fields come first, since a gateway behind it leaves them alone; then what is built upon the server that
    the path shows (Zimbra upon Postfix), the path, clients that imply a server, and stamps. Of a large mailbox
    provider's path, and of the clients used there, nothing is read.
    """
    fields = _field_signs(header)
    for found in fields:
        if found.software.certainty is Certainty.CERTAIN:
            return found.software
    path = read_path(header)
    if came_from_provider(path, header):
        return None
    ranked = [(found.stamp, float(found.rank), found.software) for found in fields]
    nearest = _nearest(path, header, client)
    if nearest is not None:
        ranked.append((False, 0.5 if nearest.certainty is Certainty.CERTAIN else 1.5, nearest))
    return min(ranked, key=lambda entry: entry[:2])[2] if ranked else None


def _nearest(
    path: Sequence[Hop], header: Header, client: IPAddress | None = None, *, report: bool = False
) -> Software | None:
    """Name the server nearest to the sender on the path, an Exchange before any other."""
    if not path:
        return None
    steps = sender_hops(path, header, client, report=report)
    shown = [(*found, step) for step in steps if (found := _received_sign(step.hop.written)) is not None]
    if not shown:
        return None
    product, sign, version, step = min(shown, key=lambda entry: entry[0].rank)
    software = _software(product, sign, version, f"Received: {step.hop.line}", step.hop.by)
    return software if step.proven else _capped(software)


def _received_sign(written: str) -> tuple[Product, Sign, str | None] | None:
    """Give the product that shows itself in what a host wrote about itself, with the version as written."""
    lowered = written.lower()
    for literal, product, sign in _RECEIVED:
        if literal in lowered and (match := sign.find(written, lowered)) is not None:
            return product, sign, match[1]
    return None


def _field_signs(header: Header) -> list[_FieldSign]:
    """Give what the fields other than Received show, top down."""
    shown: list[_FieldSign] = []
    for field in header.fields:
        key = field.key
        if key in _EXACT:
            signs = _EXACT[key]
        elif key.startswith(_PREFIXES):
            signs = [(product, sign) for prefix, product, sign in _PREFIXED if key.startswith(prefix)]
        else:
            continue
        value = field.value[:FIELD_CHARACTERS]
        lowered = value.lower()
        for product, sign in signs:
            if sign.literal in lowered and (match := sign.find(value, lowered)) is not None:
                software = _software(product, sign, match[1], f"{field.name}: {value}")
                shown.append(_FieldSign(software, product.rank, sign.stamp))
                break
    return shown


def _read_report(report: _Report) -> Software | None:
    """Name the server that wrote a report.

    The Windows SMTP service carries the reports of Exchange 2000 and 2003: what shows one of these besides wins. A
    report that shows Exchange without its version takes the version from what it returns.
    """
    best: Software | None = None
    for found in _report_signs(report):
        best = best or found
        if best.product == "windows-smtp":
            is_better = found.version in {"2000", "2003"}
        elif best.product == "exchange" and best.version is None:
            is_better = found.product == "exchange" and bool(found.version)
        else:
            break
        if is_better:
            return found
    return best


def _report_signs(report: _Report) -> Iterator[Software]:
    """Give all that a report shows of its writer, surest first.

    A stamp on it is the reader's as much as the writer's, and a message that it returns may come from elsewhere.
    """
    fields = _field_signs(report.header)
    sure = [found for found in fields if not found.stamp and found.software.certainty is Certainty.CERTAIN]
    yield from (found.software for found in sure)
    yield from (found for found in report.words if found.certainty is Certainty.CERTAIN)
    nearest = _nearest(read_path(report.header), report.header, report=True)
    if nearest is not None:
        yield nearest
    yield from (_capped(found.software) for found in fields if found not in sure)
    yield from (found for found in report.words if found.certainty is Certainty.LIKELY)
    yield from (_capped(found) for found in map(_read_sender, report.returned) if found is not None)


def _wording(texts: Iterable[str]) -> list[Software]:
    """Give the products whose words stand in the texts, in the order of their places."""
    found: list[Software] = []
    for text in texts:
        lowered = text.lower()
        hits = [
            (match[0], product, sign, match[1])
            for literal, product, sign in _WORDING
            if literal in lowered and (match := sign.find(text, lowered)) is not None
        ]
        for at, product, sign, version in sorted(hits, key=lambda hit: hit[0]):
            line = text[text.rfind("\n", 0, at) + 1 :][: 2 * EVIDENCE_CHARACTERS].partition("\n")[0]
            found.append(_software(product, sign, version, line))
    return found


def _read_quoted(message: InboundMessage, texts: Sequence[str]) -> Software | None:
    """Name the server that wrote the report which a person attached, or pasted into the `texts` of the message."""
    for index, part in enumerate(message.parts):
        if part.kind is PartKind.MESSAGE and _is_attached_report(part.header):
            inside = _inside(message.parts, index)
            attached = _read_report(_Report(part.header, _wording(_texts(inside)), _returned(inside)))
            if attached is not None:
                return attached
    words = _wording(texts)
    if not words and not any(part.kind is PartKind.REPORT for part in message.parts):
        return None
    pasted = _read_report(_Report(Header(), words, _copies(message, texts)))
    return _capped(pasted) if pasted else None


def _read_copies(message: InboundMessage, texts: Sequence[str]) -> Software | None:
    """Name the server that showed itself in copies of what the sender's organisation sent."""
    return next((_capped(found) for found in map(_read_sender, _copies(message, texts)) if found is not None), None)


def _copies(message: InboundMessage, texts: Sequence[str]) -> tuple[Header, ...]:
    """Give the headers that stand in the texts, and those of attached messages of the sender's own organisation."""
    pasted = [header for header in map(_pasted, texts) if header]
    attached = [header for header in _returned(message.parts) if not _is_attached_report(header)]
    if not attached:
        return tuple(pasted)
    home = mail_organisations(message.header, "from", "sender", "return-path")
    return (*pasted, *(header for header in attached if mail_organisations(header, "from") & home))


def _inside(parts: Sequence[Part], index: int) -> tuple[Part, ...]:
    """Give the parts of the attached message whose header stands at `index`."""
    depth = parts[index].depth
    return tuple(takewhile(lambda part: part.depth > depth, parts[index + 1 :]))


def _texts(parts: Sequence[Part]) -> tuple[str, ...]:
    """Give the texts that belong to the message itself, not to one inside it."""
    readable = [part for part in parts if part.kind is not PartKind.MESSAGE]
    depth = min([part.depth for part in readable], default=0)
    return tuple(part.text for part in readable if part.depth == depth)


def _returned(parts: Sequence[Part]) -> tuple[Header, ...]:
    return tuple(part.header for part in parts if part.kind is PartKind.MESSAGE)


def _is_report(header: Header) -> bool:
    """Tell whether a machine wrote the message about another one.

    Its type says so (RFC 3464), a field of Exchange, its sender, or its reverse-path (RFC 5321 section 4.5.5), which a
    recipient's server may have completed.
    """
    if (header.first("content-type") or "").lower().startswith("multipart/report"):
        return True
    sender = (header.first("from") or "").lower()
    reverse_path = (header.first("return-path") or "").strip().lower()
    return (
        "mailer-daemon" in sender
        or "mdaemon@" in sender
        or "staff@hotmail.com" in sender  # Microsoft's feedback on complaints
        or reverse_path.startswith(("<>", "mailer-daemon", "<mailer-daemon"))
        or "x-ms-embedded-report" in header.keys
    )


def _is_attached_report(header: Header) -> bool:
    """Tell the same of an attached message: there `postmaster` is a machine, in mail to us also a person."""
    return _is_report(header) or "postmaster@" in (header.first("from") or "").lower()


def _pasted(text: str) -> Header | None:
    """Read the header lines that stand in a text, as a person or a mail program pasted them."""
    lowered = text.lower()
    starts = [at for name in _PASTED if (at := lowered.find(name)) >= 0]
    if not starts:
        return None
    start = min(starts)
    fields: list[Field] = []
    open_field = False
    for line in text[start : start + PASTED_CHARACTERS].split("\n"):
        bare = line.lstrip("> |\t").rstrip()
        field = _FIELD.match(bare)
        if field:
            fields.append(Field(field[1], field[1].lower(), field[2]))
        elif open_field and bare:
            last = fields[-1]
            fields[-1] = replace(last, value=f"{last.value} {bare}"[:FIELD_CHARACTERS])
        open_field = bool(field) or (open_field and bool(bare))
    return Header(tuple(fields)) if fields else None


def _software(product: Product, sign: Sign, raw: str | None, evidence: str, host: str = "") -> Software:
    version = product.version(raw, host)
    return Software(product.key, version, product.name, sign.certainty, one_line(evidence, EVIDENCE_CHARACTERS))


def _confirms(outer: Software, quoted: Software) -> bool:
    """Tell whether the outer header shows what a report shows, with at least its version."""
    return (outer.product, outer.name) == (quoted.product, quoted.name) and quoted.version in {None, outer.version}


def _capped(software: Software) -> Software:
    return replace(software, certainty=Certainty.LIKELY)
