"""The pages as HTTP gives them: views by their address, forms, what is said when something cannot be done."""

import re
from datetime import timedelta
from html import unescape

import pytest

from responder.domain.disposition import Reason
from responder.domain.plea import Proof
from responder.domain.roles import Role
from responder.faces.web.view import ago, duration, visible
from responder.services.review_actions import Approve
from responder.storage.schema import requests
from tests.support.pleas import silent
from tests.support.review import ANN
from tests.support.web import House, open_house

PAGES = (
    "/queue", "/exemptions", "/messages", "/outbox", "/blocked", "/dashboard", "/audit", "/people", "/account",
)  # fmt: skip


@pytest.fixture
def browser(house: House):
    return house.signed_in("ada", Role.ADMIN)


def references(answer) -> list[str]:
    """Give the requests that a list shows, in its order."""
    return re.findall(r'data-open href="/requests/([0-9A-Z-]{11})', answer.text)


def words(answer) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", answer.text.partition("<main")[2])).split())


@pytest.mark.parametrize("path", PAGES)
def test_a_page_opens_when_there_is_nothing_yet(browser, path):
    answer = browser.get(path)
    assert answer.status_code == 200
    assert "<h1>" in answer.text


def test_real_pleas_come_first_and_the_others_have_a_tab(house: House, browser):
    plea = house.desk.plead()
    plain = house.desk.plead(sender="b@two.example", has_refusal=False)
    shelved = house.desk.plead(sender="c@three.example", decision=silent(Reason.AUTO_SUBMITTED), has_refusal=False)
    assert references(browser.get("/queue")) == [plea]
    assert references(browser.get("/queue?tab=plain")) == [plain]
    assert references(browser.get("/queue?tab=shelved")) == [shelved]
    assert set(references(browser.get("/queue?tab=all"))) == {plea, plain, shelved}


def test_who_writes_again_after_a_decision_has_a_tab(house: House, browser):
    reference = house.desk.plead()
    house.desk.review.decide(reference, Approve(), ANN)
    assert references(browser.get("/queue?tab=follow-ups")) == []
    house.desk.plead(tag=f"r-{house.desk.request(reference)['reply_token']}")
    assert references(browser.get("/queue?tab=follow-ups")) == [reference]
    assert "Follow-ups 1" in words(browser.get("/queue"))
    assert "Follow-ups 1" not in words(browser.get("/queue?q=somebody"))
    assert references(browser.get("/queue?tab=pleas")) == []
    assert "Mark as read" in words(browser.get(f"/requests/{reference}?tab=follow-ups"))
    assert browser.post(f"/requests/{reference}/mark-read?tab=follow-ups").status_code == 303
    assert references(browser.get("/queue?tab=follow-ups")) == []


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("203.0.113.9", True),
        ("203.0.113.0/24", True),
        ("198.51.100.0/24", False),
        ("shop.example", True),
        ("@shop.example", True),
        ("ADMIN@shop.example", True),
        ("other.example", False),
    ],
)
def test_one_box_searches_for_everything(house: House, browser, search, found):
    reference = house.desk.plead()
    assert references(browser.get("/queue", params={"q": search})) == ([reference] if found else [])


def test_words_are_searched_once_they_are_indexed(house: House, browser):
    reference = house.desk.plead(subject="Undeliverable: spring offer")
    house.desk.index.run_due(house.desk.clock.now())
    assert references(browser.get("/queue?q=spring+und")) == [reference]
    assert references(browser.get("/queue?q=autumn")) == []


def test_a_reference_opens_its_case(house: House, browser):
    reference = house.desk.plead()
    spelled = reference.lower().replace("-", "")
    assert browser.get(f"/queue?q={spelled}").headers["location"] == f"/requests/{reference}"
    assert browser.get(f"/requests/{spelled}").headers["location"] == f"/requests/{reference}"


@pytest.mark.parametrize("view", ["q=192.0.2.0/99", "advice=maybe", "since=yesterday", "after=7K3QW-0M9XT", "q=a@b@c"])
def test_a_view_that_says_nothing_is_explained(browser, view):
    answer = browser.get(f"/queue?{view}")
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text


def test_pages_follow_one_another_without_gap_or_repeat(house: House, browser):
    everything = [house.desk.plead(sender=f"a{number}@site{number}.example") for number in range(60)]
    seen, path = [], "/queue?tab=all"
    while path:
        answer = browser.get(path)
        seen += references(answer)
        older = re.search(r'href="([^"]+)" rel="next"', answer.text)
        path = unescape(older[1]) if older else None
    assert sorted(seen) == sorted(everything)


def test_a_decision_opens_the_next_case_of_the_same_view(house: House, browser):
    second = house.desk.plead(sender="b@two.example", address="203.0.113.2", client="203.0.113.2")
    house.desk.clock.advance(seconds=1)
    first = house.desk.plead(sender="a@one.example", address="203.0.113.1", client="203.0.113.1")
    case = browser.get(f"/requests/{first}?q=203.0.113.0%2F24")
    follow = re.search(r'name="follow" value="([^"]*)"', case.text)[1]
    assert follow == second
    form = {"network": "203.0.113.1/32", "follow": follow, "seen": "1"}
    answer = browser.post(f"/requests/{first}/approve?q=203.0.113.0%2F24", data=form)
    assert answer.headers["location"] == f"/requests/{second}?q=203.0.113.0%2F24&done={first}"
    assert f"{first} is approved" in words(browser.get(answer.headers["location"]))
    assert [row.created_by for row in house.desk.exempt()] == ["ada"]


def test_without_proof_the_network_has_to_be_typed(house: House, browser):
    reference = house.desk.plead(client="192.0.2.5", proof=Proof.NONE)
    path = f"/requests/{reference}"
    assert 'name="confirm"' in browser.get(path).text
    answer = browser.post(f"{path}/approve", data={"network": "203.0.113.9", "reason": "they called <me>"})
    assert answer.status_code == 422
    assert "they called &lt;me&gt;" in answer.text, "what was entered is still there"
    assert house.desk.exempt() == []
    answer = browser.post(f"{path}/approve", data={"network": "203.0.113.9", "confirm": "203.0.113.9"})
    assert answer.status_code == 303
    assert len(house.desk.exempt()) == 1


@pytest.mark.parametrize(
    "network", ["0.0.0.0/0", "203.0.113.0/8", "203.0.113.9/24", "nonsense", "::/0", "1.1.1.1%eth0"]
)
def test_no_form_exempts_what_may_not_be(house: House, browser, network):
    reference = house.desk.plead()
    form = {"network": network, "confirm": network, "reason": "x"}
    assert browser.post(f"/requests/{reference}/approve", data=form).status_code == 422
    assert browser.post("/exemptions", data=form).status_code == 422
    assert house.desk.exempt() == []


@pytest.mark.parametrize("days", ["0", "-1", "1e3", "99999", "٣", "9" * 400])
def test_no_form_exempts_for_ever(house: House, browser, days):
    reference = house.desk.plead()
    answer = browser.post(f"/requests/{reference}/approve", data={"network": "203.0.113.9", "days": days})
    assert answer.status_code == 422
    assert house.desk.exempt() == []


def test_who_decides_second_hears_of_the_first(house: House, browser):
    other = house.signed_in("bob")
    reference = house.desk.plead()
    for each in (browser, other):
        assert 'name="seen" value="1"' in each.get(f"/requests/{reference}").text
    form = {"network": "203.0.113.9", "seen": "1"}
    assert browser.post(f"/requests/{reference}/approve", data=form).status_code == 303
    answer = other.post(f"/requests/{reference}/deny", data={"paragraphs": "dynamic", "seen": "1"})
    assert answer.status_code == 409
    assert "ada" in words(answer)
    assert house.desk.request(reference)["state"] == "approved"


def test_every_other_decision_has_its_form(house: House, browser):
    reference = house.desk.plead()
    path = f"/requests/{reference}"

    def do(action, **form):
        answer = browser.post(f"{path}/{action}", data=form)
        assert answer.status_code == 303, words(answer)
        return house.desk.request(reference)["state"]

    assert do("note", text="They called.") == "waiting"
    assert do("assign", login="ada") == "waiting"
    assert references(browser.get("/queue?tab=mine")) == [reference]
    assert do("ask", text="Which address?") == "asked"
    assert do("dismiss", reason="spam", block="sender") == "dismissed"
    assert "admin@shop.example" in words(browser.get("/blocked"))
    assert do("reopen", reason="was not") == "waiting"
    assert do("deny", paragraphs=["dynamic"]) == "denied"
    assert do("undo") == "waiting"
    assert do("recheck") == "waiting"
    timeline = words(browser.get(path))
    for event in ("noted", "assigned", "asked", "dismissed", "reopened", "denied", "undone"):
        assert event in timeline


def test_many_are_decided_after_a_look_and_the_same_twice_counts_once(house: House, browser):
    good = house.desk.plead()
    unproven = house.desk.plead(sender="b@two.example", client="192.0.2.5", proof=Proof.NONE, address="203.0.113.8")
    form = {"action": "approve", "references": [good, unproven, good, "7K3QW-0M9XT"]}
    look = browser.post("/bulk", data=form)
    assert "Approve 1 of 3?" in words(look)
    assert house.desk.exempt() == []
    form["references"] = re.findall(r'name="references" value="([^"]+)"', look.text)
    assert form["references"] == [good]
    assert browser.post("/bulk", data=form | {"step": "do"}).status_code == 200
    assert house.desk.request(good)["state"] == "approved"
    assert house.desk.request(unproven)["state"] == "waiting"


def test_an_exemption_is_added_found_and_revoked(house: House, browser):
    form = {"network": "203.0.113.8/29", "days": "20", "reason": "our branch"}
    assert browser.post("/exemptions", data=form).status_code == 303
    for view in ("", "?address=203.0.113.9", "?address=203.0.113.0/24", "?state=expiring"):
        assert "our branch" in words(browser.get(f"/exemptions{view}")), view
    assert "our branch" not in words(browser.get("/exemptions?address=198.51.100.1"))
    number = house.desk.exempt()[0].id
    assert browser.post(f"/exemptions/{number}/revoke", data={"reason": "gone"}).status_code == 303
    assert "our branch" not in words(browser.get("/exemptions"))
    assert "our branch" in words(browser.get("/exemptions?state=over"))
    assert browser.post(f"/exemptions/{number}/revoke").status_code in {409, 422}


def test_what_was_entered_for_an_exemption_that_may_not_be_is_shown_again(browser):
    form = {"network": "10.0.0.0/8", "days": "20", "reason": "our branch"}
    answer = browser.post("/exemptions", data=form)
    assert (answer.status_code, "too wide" in words(answer)) == (422, True)
    assert all(f'name="{name}"' in answer.text and f'value="{value}"' in answer.text for name, value in form.items())


def test_what_came_and_what_leaves_can_be_read(house: House, browser):
    reference = house.desk.plead(subject="Tell me")
    (message,) = re.findall(r"/messages/(\d+)", browser.get("/messages").text)[:1]
    assert "Tell me" in words(browser.get(f"/messages/{message}"))
    raw = browser.get(f"/messages/{message}/raw")
    assert raw.headers["content-disposition"].startswith("attachment")
    assert raw.headers["content-type"] == "application/octet-stream"
    (sent,) = re.findall(r"/outbox/(\d+)", browser.get("/outbox").text)[:1]
    assert "worded when it leaves" in words(browser.get(f"/outbox/{sent}"))
    assert browser.post(f"/outbox/{sent}/cancel").status_code == 303
    assert browser.post(f"/outbox/{sent}/cancel").status_code == 409
    assert reference in words(browser.get("/outbox?state=cancelled"))


@pytest.mark.parametrize("path", ["/messages/1", "/outbox/1", "/requests/nonsense", "/guides/en/nothing", "/nothing"])
def test_what_is_not_there_is_not_there(browser, path):
    assert browser.get(path).status_code == 404


@pytest.mark.parametrize("path", ["/messages/x", "/messages/99999999999999999999", "/static/x", "/guides/..%2f/x"])
def test_a_path_that_names_nothing_is_refused(browser, path):
    assert browser.get(path).status_code in {404, 422}


def test_a_file_outside_is_never_given(browser):
    for path in ("/static/../app.py", "/static/%2e%2e%2fapp.py", "/static/..%5capp.py", "/guides/en/..%2f..%2fanswer"):
        answer = browser.get(path)
        assert answer.status_code in {404, 422}, path
        assert "import" not in answer.text


def test_exports_are_given_once_and_then_known(house: House, browser):
    browser.post("/exemptions", data={"network": "203.0.113.9", "reason": "=cmd()"})
    first = browser.get("/exports/csv")
    assert "203.0.113.9" in first.text
    assert '"=cmd' not in first.text, "no cell begins a formula"
    again = browser.get("/exports/csv", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert browser.get("/exports/nothing").status_code == 404


def test_monitors_hear_of_every_part(house: House):
    monitor = house.visitor()
    assert monitor.get("/healthz").text == "alive\n"
    assert monitor.get("/readyz").json() == {"ready": True, "parts": house.ready}
    house.ready["worker"] = False
    assert monitor.get("/readyz").status_code == 503
    text = monitor.get("/metrics").text
    assert 'responder_ready{part="worker"} 0' in text
    assert "responder_requests_overdue 0" in text


def test_a_database_in_trouble_is_told_without_its_words(house: House, browser, lite):
    with lite.execution_options(write=True).begin() as connection:
        connection.exec_driver_sql("ALTER TABLE messages RENAME TO gone")
    answer = browser.get("/messages")
    assert answer.status_code == 503
    assert "SELECT" not in answer.text
    assert "messages" not in words(answer)


def test_a_notice_says_only_what_we_say(browser):
    assert "revoked" in words(browser.get("/exemptions?did=revoked"))
    assert "<b>" not in browser.get("/exemptions?did=%3Cb%3E").text


def test_a_case_shows_when_it_is_overdue(lite):
    with open_house(lite, overdue_after=timedelta(days=3)) as house:
        house.desk.plead()
        browser = house.signed_in("ada", Role.ADMIN)
        assert "overdue" not in words(browser.get("/queue"))
        house.desk.change(requests, updated_at=house.desk.clock.now() - timedelta(days=4))
        assert "overdue" in words(browser.get("/queue"))


@pytest.mark.parametrize(
    ("text", "seen"),
    [("a\u202eb", "a\\u202eb"), ("\x1b[2J", "\\x1b[2J"), ("\ud800", "\\ud800"), ("Grüße\n", "Grüße\n"), (None, "")],
)
def test_what_hides_is_spelled_out(text, seen):
    assert visible(text) == seen


def test_times_are_told_in_one_unit(house: House):
    now = house.office.database.now()
    told = [ago(now - timedelta(**passed), now) for passed in ({"seconds": 5}, {"minutes": 61}, {"days": 3})]
    assert told == ["just now", "1 h ago", "3 d ago"]
    assert ago(now + timedelta(hours=5), now) == "in 5 h"
    assert [duration(each) for each in (None, 0.2, 45, 5400, timedelta(days=2))] == [
        "\N{EN DASH}", "< 1 s", "45 s", "1.5 h", "2 d",
    ]  # fmt: skip
