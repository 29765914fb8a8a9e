"""What monitors see of the policy services of all nodes."""

from datetime import UTC, datetime, timedelta

from responder.services.dashboard import read_figures
from responder.services.metrics import write_metrics
from responder.storage.policy_counts import add_answers


def test_answers_are_told_by_what_decided(engine):
    now = datetime(2026, 3, 2, 10, 30, tzinfo=UTC)
    with engine.execution_options(write=True).begin() as connection:
        add_answers(connection, {"listed": 7, "bypass": 2}, now)
        add_answers(connection, {"listed": 1}, now - timedelta(hours=1))
        add_answers(connection, {"listed": 100}, now - timedelta(hours=2))
    with engine.connect() as connection:
        text = write_metrics(read_figures(connection, now, None), {}, "1")
    assert 'responder_policy_answers_recent{ground="listed"} 8\n' in text
    assert 'responder_policy_answers_recent{ground="bypass"} 2\n' in text
    assert "responder_policy_nodes_behind 0\n" in text
