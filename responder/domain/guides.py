"""Which smart-host guides an answer carries, and in which order."""

from collections.abc import Iterator, Mapping, Sequence

from responder.domain.plea import Software

GENERIC = "generic"

# The version whose steps fit best where a product does not tell its own, or tells one that no guide is for: an Exchange
# that does not tell its version is 2007 or later, as the older ones always do.
_NEAREST = {"exchange": "2007"}


def choose_guides(
    software: Software | None, configured: Sequence[str], available: Mapping[str, Sequence[str]]
) -> tuple[str, ...]:
    """Give the keys of the guides for an answer: the sender's own first, then the configured ones, no key twice.

    Only `available` keys are given; their values name the software that each guide is for, as `software_names` does.
    The generic guide, where it is configured, stands last.
    """
    own = _own_guide(software, available) if software else None
    keys = dict.fromkeys(key for key in (own, *configured) if key is not None and key in available)
    return tuple(sorted(keys, key=lambda key: key == GENERIC))


def software_names(software: Software) -> Iterator[str]:
    """Give the names by which a guide may list `software`, the most exact first, in lower case.

    They are `PRODUCT VERSION`, `PRODUCT debian` where the evidence shows Debian, which sets some servers up in its own
    way, and `PRODUCT`. A product without a key of its own is listed by its name.
    """
    product = (software.name or "" if software.product == "other" else software.product).lower()
    if product:
        yield f"{product} {software.version}".lower()
        if "debian" in software.evidence.lower():
            yield f"{product} debian"
        yield product


def _own_guide(software: Software, available: Mapping[str, Sequence[str]]) -> str | None:
    """Give the guide that names `software` most exactly, the first of several."""
    nearest = _NEAREST.get(software.product)
    names = [*software_names(software), *([f"{software.product} {nearest}"] if nearest else ())]
    return next((key for name in names for key, listed in available.items() if name in listed), None)
