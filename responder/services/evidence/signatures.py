"""DKIM signatures (RFC 6376), verified by dkimpy with keys that were looked up before.

The library's patterns take time with the square of a run of blanks, and a key may make one verification last minutes;
what is that large is not verified, and no legitimate signature is.
"""

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import dkim  # type: ignore[import-untyped]

from responder.domain.findings import Result
from responder.domain.message import HEADER_BYTES
from responder.services.evidence.facts import Fact, Status

MOST_SIGNATURES = 5

_SIGNATURE_OCTETS = 4 * 1024
_KEY_CHARACTERS = 900  # RSA with 4096 bits takes 760
_LONGEST_BLANK = 64
_MOST_STEPS = 1 << 26
_MOST_BLANK = 4 * 1024
_SAME_BLANK = bytes.maketrans(b"\t\r\n", b"   ")
_FIELD = re.compile(rb"^dkim-signature[ \t]*:((?:[^\n]|\n[ \t]){1,8192})", re.IGNORECASE | re.MULTILINE)
_TAG = re.compile(rb"(?:\A|;)\s{0,8}([ds])\s{0,8}=\s{0,8}([A-Za-z0-9._-]{1,253})\s{0,8}(?=;|\Z)")
_END_OF_HEADER = re.compile(rb"\n\r?\n")
_NO_LOG = logging.getLogger("responder.dkim")
_NO_LOG.addHandler(logging.NullHandler())
_NO_LOG.propagate = False


@dataclass(frozen=True, slots=True)
class Signature:
    """One DKIM-Signature field.

    Attributes:
        domain: who signed, as it says (tag `d=`), lower case.
        selector: which of its keys (tag `s=`).
        is_sane: it is small enough to be verified.
    """

    domain: str
    selector: str
    is_sane: bool

    @property
    def key_name(self) -> str:
        """The name at which its key is published."""
        return f"{self.selector}._domainkey.{self.domain}"


def find_signatures(raw: bytes) -> tuple[Signature | None, ...]:
    """Give the signatures of a message from the top down, at most `MOST_SIGNATURES`; None for one that names nobody."""
    header = re.split(rb"\r?\n\r?\n", raw[:HEADER_BYTES], maxsplit=1)[0]
    fields = [match[1] for match in _FIELD.finditer(header)]
    return tuple(_read(field) for field in fields[:MOST_SIGNATURES])


def _read(field: bytes) -> Signature | None:
    tags = {name: value.decode("ascii") for name, value in _TAG.findall(b" ".join(field.split()))}
    if not {b"d", b"s"} <= tags.keys():
        return None
    is_sane = len(field) <= _SIGNATURE_OCTETS and not _has_blank(field, _LONGEST_BLANK)
    return Signature(tags[b"d"].lower(), tags[b"s"], is_sane)


def is_too_much_work(raw: bytes) -> bool:
    """Tell whether a message has so large a header, or so long runs of blanks, that the library would take seconds."""
    if _END_OF_HEADER.search(raw, 0, HEADER_BYTES) is None:
        return True
    return _has_blank(raw, min(_MOST_BLANK, _MOST_STEPS // len(raw)))


def _has_blank(octets: bytes, longest: int) -> bool:
    return b" " * (longest + 1) in octets.translate(_SAME_BLANK)


def verify(raw: bytes, index: int, signature: Signature, key: Fact) -> Result:
    """Say what came of one signature of a message; takes milliseconds of processor time.

    Args:
        raw: the whole message.
        index: which signature it is, from the top.
        signature: that signature.
        key: what was found at its `key_name`.
    """
    if key.is_unknown:
        return Result.TEMPERROR
    if key.status is not Status.FOUND or not signature.is_sane or len(key.values[0]) > _KEY_CHARACTERS:
        return Result.PERMERROR
    return _verify(raw, index, lambda _name, timeout=0: key.values[0].encode("latin-1"))  # noqa: ARG005 - dkimpy's call


def _verify(raw: bytes, index: int, key_of: Callable[..., bytes]) -> Result:
    try:
        verifier = dkim.DKIM(raw, logger=_NO_LOG)
        is_valid = verifier.verify(index, dnsfunc=key_of)
    except dkim.ValidationError:
        return Result.FAIL
    except Exception:  # noqa: BLE001 - whatever a hostile signature, key or message does to the library
        return Result.PERMERROR
    if not is_valid:
        return Result.FAIL
    return _judge(verifier.signature_fields, verifier.include_headers)


def _judge(tags: Mapping[bytes, bytes], signed: tuple[bytes, ...]) -> Result:
    """Judge a signature that is valid: it must cover From (section 5.4) and the whole body (section 8.2)."""
    if b"from" not in signed:
        return Result.PERMERROR
    return Result.POLICY if b"l" in tags else Result.PASS
