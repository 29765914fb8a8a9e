"""The drawing of the dashboard: bars to scale, and labels that have room."""

from datetime import UTC, datetime, timedelta

import pytest

from responder.faces.web.pages.dashboard import draw
from responder.services.dashboard import Hour

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def hours(first, count=48, came=0, answered=0):
    return [Hour(first + timedelta(hours=number), came, answered) for number in range(count)]


def test_bars_are_to_scale():
    drawing = draw(hours(NOON, came=20, answered=5))
    assert drawing.top == 20
    assert {(bar.answered, bar.silent) for bar in drawing.bars} == {(drawing.height / 4, drawing.height * 3 / 4)}


@pytest.mark.parametrize("hour", range(24))
def test_no_label_runs_over_the_edge(hour):
    drawing = draw(hours(NOON + timedelta(hours=hour)))
    assert 3 <= len(drawing.labels) <= 4
    assert all(label.endswith(("00:00", "12:00")) for _, label in drawing.labels)
    assert all(x <= drawing.width - 60 for x, _ in drawing.labels)
