"""What is exempt, in the formats that other programs read.

A format is one entry of `FORMATS`: a function that writes it, line by line, and one that reads the networks back, by
which what is published can be compared with what is approved.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from responder.domain.address import IPNetwork
from responder.services.exports.exchange import read_exchange, write_exchange
from responder.services.exports.maps import (
    read_cidr,
    read_exim,
    read_rspamd,
    write_exim,
    write_postfix_cidr,
    write_postscreen,
    write_rspamd,
)
from responder.services.exports.rbldnsd import read_rbldnsd, write_rbldnsd
from responder.services.exports.sendmail import read_sendmail, write_sendmail
from responder.services.exports.tables import read_csv, read_json, write_csv, write_json
from responder.storage.exported import Exempt

__all__ = ["FORMATS", "Exempt", "Format"]


@dataclass(frozen=True, slots=True)
class Format:
    """How exemptions are written for one kind of program.

    Attributes:
        reader: what reads it, in words for people.
        write: gives the text, ASCII, piece by piece, for exemptions in the order of `read_exempt`.
        read: gives the networks that such lines name, in their order; what cannot be read is left out.
        media_type: what HTTP calls it.
    """

    reader: str
    write: Callable[[Iterable[Exempt]], Iterator[str]]
    read: Callable[[Iterable[str]], Iterator[IPNetwork]]
    media_type: str = "text/plain; charset=us-ascii"


_CSV = "text/csv; charset=us-ascii; header=present"

FORMATS: Mapping[str, Format] = {
    "postfix-cidr": Format("check_client_access of Postfix", write_postfix_cidr, read_cidr),
    "postscreen": Format("postscreen_access_list of Postfix", write_postscreen, read_cidr),
    "rbldnsd": Format("a combined zone of rbldnsd", write_rbldnsd, read_rbldnsd),
    "rspamd": Format("an ip map of rspamd", write_rspamd, read_rspamd),
    "exim": Format("net-iplsearch of Exim", write_exim, read_exim),
    "sendmail": Format("the access database of Sendmail", write_sendmail, read_sendmail),
    "exchange": Format("PowerShell, for the allow list of Exchange Edge or Online", write_exchange, read_exchange),
    "csv": Format("spreadsheets", write_csv, read_csv, _CSV),
    "json": Format("programs of your own", write_json, read_json, "application/json"),
}
