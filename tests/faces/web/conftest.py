"""What tests of the pages may use."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from responder.storage import migrate
from responder.storage.engine import make_engine
from tests.support.web import House, open_house


@pytest.fixture
def lite(tmp_path) -> Iterator[Engine]:
    """An engine on SQLite with the current schema: what a page shows does not depend on the database."""
    engine = make_engine(f"sqlite:///{tmp_path / 'responder.db'}")
    migrate.upgrade(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def house(lite: Engine) -> Iterator[House]:
    """The pages over an empty queue."""
    with open_house(lite) as house:
        yield house
