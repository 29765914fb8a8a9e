"""What every test may use."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import Engine

from responder.storage import migrate
from responder.storage.engine import make_engine
from tests.support.postgres import Cluster, running_cluster

TESTS = Path(__file__).parent
QUICK_FIRST = ("domain", "storage", "services", "cli", "faces")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the quick tests first: what is pure, then what has a database, then real processes, the fault loops last."""

    def slowness(item: pytest.Item) -> tuple[int, bool]:
        folder = item.path.relative_to(TESTS).parts[0]
        place = QUICK_FIRST.index(folder) if folder in QUICK_FIRST else len(QUICK_FIRST)
        return place, item.path.name == "test_faults.py"

    items.sort(key=slowness)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """A PostgreSQL server that all tests of the session share."""
    with running_cluster() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def migrated(postgres: Cluster) -> Iterator[str]:
    """The URL of a PostgreSQL database with the current schema, to be copied."""
    with postgres.database() as url:
        engine = make_engine(url)
        migrate.upgrade(engine)
        engine.dispose()
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database of each kind in turn: empty, or on PostgreSQL with the schema where `engine` is used."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'responder.db'}"
        return
    template = request.getfixturevalue("migrated") if "engine" in request.fixturenames else None
    with request.getfixturevalue("postgres").database(template) as url:
        yield url


@pytest.fixture
def open_engine(database_url: str) -> Iterator[Callable[..., Engine]]:
    """`make_engine` for the database, or for the URL given, closed at the end of the test."""
    with ExitStack() as stack:

        def open_one(url: str = database_url, **options: float) -> Engine:
            engine = make_engine(url, **options)
            stack.callback(engine.dispose)
            return engine

        yield open_one


@pytest.fixture
def engine(open_engine: Callable[..., Engine]) -> Engine:
    """An engine on a database with the current schema, of each kind in turn."""
    engine = open_engine()
    migrate.upgrade(engine)
    return engine
