"""Exemptions for exports: many at once, ended and revoked ones too."""

from typing import Any

from sqlalchemy import Engine, insert

from responder.storage.schema import exemptions
from responder.storage.serials import EXEMPTIONS, raise_serial
from tests.support.exemptions import exemption_row


def add_exemptions(engine: Engine, *networks: str, **columns: Any) -> None:
    """Exempt each of `networks`, with `columns` in place of what `exemption_row` gives."""
    rows = [exemption_row(network) | {"revoked_at": None} | columns for network in networks]
    with engine.execution_options(write=True).begin() as connection:
        connection.execute(insert(exemptions), rows)
        raise_serial(connection, EXEMPTIONS)
