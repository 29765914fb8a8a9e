"""The API: the same services for programs, typed, with nothing undeclared and no fault whatever is sent."""

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from responder.domain.disposition import Reason
from responder.domain.plea import Proof
from responder.domain.roles import Role
from responder.faces.web.api import describe
from responder.faces.web.app import make_app
from responder.storage import migrate
from responder.storage.engine import make_engine
from tests.support.pleas import silent
from tests.support.web import House, Unfurnished, open_house

V1 = "/api/v1"
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@pytest.fixture
def program(house: House):
    return house.program("ann", Role.ADMIN)


def test_requests_are_listed_filtered_and_paged(house: House, program):
    made = [house.desk.plead(sender=f"a{number}@site{number}.example") for number in range(5)]
    shelved = house.desk.plead(sender="z@z.example", decision=silent(Reason.AUTO_SUBMITTED), has_refusal=False)
    seen, after = [], None
    while True:
        page = program.get(f"{V1}/requests", params={"limit": 2} | ({"after": after} if after else {})).json()
        seen += [each["reference"] for each in page["items"]]
        after = page["after"]
        if after is None:
            break
    assert sorted(seen) == sorted(made)

    def found(**query):
        return [each["reference"] for each in program.get(f"{V1}/requests", params=query).json()["items"]]

    assert found(state="shelved") == [shelved]
    assert found(domain="site3.example") == [made[3]]
    assert found(contact="a2@site2.example") == [made[2]]
    assert len(found(address="203.0.113.0/24", quoted="true")) == 5
    assert found(assignee="nobody") == []


def test_a_request_comes_with_all_that_belongs_to_it(house: House, program):
    reference = house.desk.plead()
    shown = program.get(f"{V1}/requests/{reference}").json()
    assert (shown["reference"], shown["version"], shown["address"]) == (reference, 1, "203.0.113.9")
    assert len(shown["message_list"]) == len(shown["replies"]) == 1
    number = shown["message_list"][0]["id"]
    assert program.get(f"{V1}/messages/{number}").json()["rejection"]["code"] == 550
    assert b"We were refused." in program.get(f"{V1}/messages/{number}/raw").content


def test_a_decision_under_a_key_is_taken_once(house: House, program):
    reference = house.desk.plead()
    path, key = f"{V1}/requests/{reference}/approve", {"Idempotency-Key": "one"}
    first = program.post(path, json={}, headers=key).json()
    again = program.post(path, json={}, headers=key).json()
    assert first["repeated"] is False
    assert again == first | {"repeated": True}
    assert len(house.desk.sent(reference)) == 1
    other = program.post(path, json={"reason": "another"}, headers=key)
    assert (other.status_code, other.json()["code"]) == (409, "key-reused")
    assert program.post(path, json={}).json()["code"] == "not-possible", "without a key it is another call"


def test_keys_of_two_people_are_not_the_same(house: House, program):
    reference, key = house.desk.plead(), {"Idempotency-Key": "one"}
    assert program.post(f"{V1}/requests/{reference}/note", json={"text": "a"}, headers=key).status_code == 200
    other = house.program("bob")
    assert other.post(f"{V1}/requests/{reference}/note", json={"text": "b"}, headers=key).status_code == 200


def test_a_dry_run_tells_and_changes_nothing(house: House, program):
    reference = house.desk.plead()
    told = program.post(f"{V1}/requests/{reference}/approve?dry_run=true", json={}).json()
    assert (told["is_dry"], told["after"], told["network"]) == (True, "approved", "203.0.113.9/32")
    assert house.desk.request(reference)["state"] == "waiting"


def test_problems_say_what_is_wrong(house: House, program):
    reference = house.desk.plead(client="192.0.2.1", proof=Proof.NONE)
    path = f"{V1}/requests/{reference}"
    answer = program.post(f"{path}/approve", json={})
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "unconfirmed"
    assert answer.json()["network"] == "203.0.113.9/32"
    program.post(f"{path}/ask", json={"text": "Which?"})
    stale = program.post(f"{path}/deny", json={"seen": 1, "paragraphs": ["dynamic"]}).json()
    assert (stale["status"], stale["code"], stale["by"]) == (409, "stale", "ann")
    assert program.get(f"{V1}/requests/7K3QW-0M9XT").json()["code"] == "unknown"
    wrong = program.post(f"{path}/approve", json={"network": "203.0.113.9/8", "extra": 1})
    assert (wrong.status_code, wrong.json()["detail"]) == (
        422, "These fields cannot be used as they are: extra, network.",
    )  # fmt: skip


@pytest.mark.parametrize("seen", [True, "1", 1.0, -1])
def test_a_version_that_was_seen_is_a_number(house: House, program, seen):
    path = f"{V1}/requests/{house.desk.plead()}"
    answer = program.post(f"{path}/note", json={"text": "x", "seen": seen})
    assert (answer.status_code, answer.json()["detail"]) == (422, "These fields cannot be used as they are: seen.")


def test_a_deny_reason_that_is_none_is_told_and_nothing_is_decided(house: House, program):
    reference = house.desk.plead()
    one = program.post(f"{V1}/requests/{reference}/deny", json={"paragraphs": ["dynamic", "no-such"]})
    many = program.post(
        f"{V1}/decisions", json={"references": [reference], "action": "deny", "paragraphs": ["no-such"]}
    )
    for answer in (one, many):
        assert answer.status_code == 422
        assert answer.json()["detail"].startswith("'no-such' is no deny reason; there are dynamic, ")
    assert house.desk.request(reference)["state"] == "waiting"


def test_a_body_that_is_no_json_is_called_so(house: House, program):
    headers = {"Content-Type": "application/json"}
    answer = program.post(f"{V1}/requests/{house.desk.plead()}/deny", content="{bad", headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert answer.json()["detail"] == "The body is no JSON."


def test_many_are_decided_each_by_itself(house: House, program):
    good, bad = house.desk.plead(), "7K3QW-0M9XT"
    body = {"references": [good, bad, good], "action": "approve"}
    told = program.post(f"{V1}/decisions", json=body | {"dry_run": True}).json()
    assert [each["reference"] for each in told] == [good, bad]
    assert house.desk.request(good)["state"] == "waiting"
    done = program.post(f"{V1}/decisions", json=body).json()
    assert done[0]["outcome"]["after"] == "approved"
    assert done[1]["problem"]["code"] == "unknown"


def test_exemptions_and_blocked_senders_are_kept(house: House, program):
    made = program.post(f"{V1}/exemptions", json={"network": "203.0.113.9", "reason": "x"}).json()
    assert made["network"] == "203.0.113.9/32"
    listed = program.get(f"{V1}/exemptions?address=203.0.113.0/24").json()["items"]
    assert [each["id"] for each in listed] == [made["exemption_id"]]
    assert program.post(f"{V1}/exemptions/{made['exemption_id']}/revoke", json={}).status_code == 200
    assert program.get(f"{V1}/exemptions").json()["items"] == []
    assert program.post(f"{V1}/blocked", json={"pattern": "Spam.Example"}).json() == {"pattern": "spam.example"}
    assert program.get(f"{V1}/blocked").json()["items"][0]["pattern"] == "spam.example"
    assert program.post(f"{V1}/blocked/remove", json={"pattern": "spam.example"}).status_code == 200


def test_the_outbox_and_the_audit_can_be_followed(house: House, program):
    house.desk.plead()
    (row,) = program.get(f"{V1}/outbox").json()["items"]
    assert program.post(f"{V1}/outbox/{row['id']}/cancel").json()["state"] == "cancelled"
    answer = program.post(f"{V1}/outbox/{row['id']}/retry")
    assert answer.status_code == 409
    assert program.get(f"{V1}/figures").json()["waiting"] == 1
    events = program.get(f"{V1}/audit").json()["items"]
    assert {"opened", "added", "token-made"} <= {each["event"] for each in events}


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    """A queue with one of everything, and a program that may do everything."""
    engine = make_engine(f"sqlite:///{tmp_path_factory.mktemp('api') / 'responder.db'}")
    migrate.upgrade(engine)
    with open_house(engine) as house:
        for number in range(4):
            house.desk.plead(sender=f"a{number}@site{number}.example", address=f"203.0.113.{number + 1}")
        program = house.program("ann", Role.ADMIN)
        program.post(f"{V1}/exemptions", json={"network": "203.0.113.9", "reason": "x"})
        yield house, program
    engine.dispose()


described = schemathesis.openapi.from_dict(describe(make_app(Unfurnished())))


@described.parametrize()
@settings(
    max_examples=12,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
    derandomize=True,
    database=None,
)
def test_whatever_is_sent_gets_a_declared_answer_and_no_fault(case, full):
    house, program = full
    token = {"Authorization": program.headers["authorization"]}
    case.call_and_validate(base_url=house.base, headers=token, checks=CHECKS)
