"""Which smart-host guides an answer carries, and in which order."""

from collections.abc import Collection, Iterator, Sequence

from responder.domain.plea import Software

GENERIC = "generic"

_EXCHANGE = {
    "4.0": ("exchange-5.5",),
    "5.0": ("exchange-5.5",),
    "5.5": ("exchange-5.5",),
    "2000": ("exchange-2003-2000",),
    "2003": ("exchange-2003-2000",),
    "2007": ("exchange-2007",),
    "2010": ("exchange-2010", "exchange-2007"),
    "2013": ("exchange-2013-later", "exchange-2007"),
    "2016": ("exchange-2013-later", "exchange-2007"),
    "2019": ("exchange-2013-later", "exchange-2007"),
    "se": ("exchange-2013-later", "exchange-2007"),
    "online": (),
    None: ("exchange-2007",),
}
"""Version to guides, best first. Exchange Online has no address of its own that could be refused as dynamic; an
Exchange that does not tell its version is 2007 or later, as the older ones always do."""

_OTHERS = {"windows-smtp": "iis-smtp"}


def choose_guides(software: Software | None, configured: Sequence[str], available: Collection[str]) -> tuple[str, ...]:
    """Give the keys of the guides for an answer: the sender's own first, then the configured ones, no key twice.

    Only `available` keys are given. The steps for Exchange 2007 hold in substance for later releases, whose own guide
    comes first where there is one. The generic guide, where it is configured, stands last.
    """
    own = next((key for key in _own_guides(software) if key in available), None)
    keys = dict.fromkeys(key for key in (own, *configured) if key is not None and key in available)
    return tuple(sorted(keys, key=lambda key: key == GENERIC))


def _own_guides(software: Software | None) -> Iterator[str]:
    """Give the guides that fit the software, best first."""
    if software is None or software.product == "other":
        return
    if software.product == "exchange":
        yield from _EXCHANGE.get(software.version, ())
    elif software.product == "exim":
        debian = "debian" in software.evidence.lower()
        yield from ("exim-debian", "exim") if debian else ("exim", "exim-debian")
    else:
        yield _OTHERS.get(software.product, software.product)
