"""How the command line writes what it shows to people."""

from collections.abc import Mapping
from typing import Any

Row = Mapping[Any, Any]


def software_text(software: Mapping[str, Any] | None) -> str:
    """Give product and version in one cell."""
    if not software:
        return ""
    product = software.get("name") or software["product"]
    return f"{product} {software['version'] or ''}".strip()
