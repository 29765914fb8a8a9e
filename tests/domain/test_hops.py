"""The path of a message in its Received lines."""

import pytest

from responder.domain.hops import Hop, came_from_provider, is_provider, organisation, read_hop, read_path, sender_hops
from responder.domain.message import Field, Header


def header(*received: str, **fields: str) -> Header:
    """A header with Received lines from the top down, and other fields by name."""
    lines = [Field("Received", "received", line) for line in received]
    return Header((*lines, *(Field(name, name.replace("_", "-"), value) for name, value in fields.items())))


def senders_hosts(head: Header, *, report: bool = False) -> list[tuple[str, bool]]:
    return [(step.hop.by, step.proven) for step in sender_hops(read_path(head), head, report=report)]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mail.example.org", "example.org"),
        ("MAIL.Example.Org.", "example.org"),
        ("mail.example.co.uk", "example.co.uk"),
        ("a.b.example.com.au", "example.com.au"),
        ("mail.example.de", "example.de"),
        ("mail", ""),
        ("localhost", ""),
        ("ex1.corp.local", ""),
        ("10.1.2.3", ""),
        ("127.0.0.1", ""),
        ("192.0.2.7", "192.0.2.7"),
        ("", ""),
    ],
)
def test_organisation_of_a_host(name, expected):
    assert organisation(name) == expected


@pytest.mark.parametrize("name", ["google.com", "hotmail.co.uk", "yahoo.co.jp", "outlook.fr", "icloud.com", "web.de"])
def test_large_providers_are_known(name):
    assert is_provider(name)


@pytest.mark.parametrize("name", ["example.org", "notgoogle.com", "google.com.example.org", "live", ""])
def test_others_are_no_providers(name):
    assert not is_provider(name)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("from a by b.example (X)", Hop("from a by b.example (X)", "from a", "by b.example (X)", "b.example")),
        ("by b.example; date", Hop("by b.example; date", "", "by b.example; date", "b.example")),
        ("from a (x by y) by b", Hop("from a (x by y) by b", "from a (x by y)", "by b", "b")),
        ("FROM a BY B.example", Hop("FROM a BY B.example", "FROM a", "BY B.example", "b.example")),
        ("from a\n\tby [192.0.2.1]", Hop("from a by [192.0.2.1]", "from a", "by [192.0.2.1]", "192.0.2.1")),
        ("(qmail 1 invoked by uid 2)", Hop("(qmail 1 invoked by uid 2)", "", "(qmail 1 invoked by uid 2)", "")),
        ("", Hop("", "", "", "")),
    ],
)
def test_a_line_is_split_at_the_clause_by(value, expected):
    assert read_hop(value) == expected


@pytest.mark.parametrize(
    "line",
    [
        "by mail.example.org (Postfix, from userid 1)",
        "(from a@localhost) by mail.example.org (8.17.1/8.17.1/Submit)",
        "from localhost (localhost) by mail.example.org (8.17.1/8.17.1)",
        "from pc (localhost [127.0.0.1]) by mail.example.org",
        "from pc (localhost [IPv6:::1]) by mail.example.org",
        "from a by mail.example.org with local (Exim 4.96)",
        "from ex by ex.example.org with mapi id 14.3.123.3",
    ],
)
def test_a_message_that_was_handed_in(line):
    assert read_hop(line).handed_in


@pytest.mark.parametrize(
    "line",
    ["from localhost (unknown [192.0.2.1]) by mail.example.org", "from pc.example.org by mail.example.org with ESMTP"],
)
def test_a_message_that_came_over_the_net(line):
    assert not read_hop(line).handed_in


def test_the_queue_line_of_qmail_belongs_to_the_host_below():
    head = header("(qmail 1 invoked from network)", "from pc by mail.example.org with SMTP")
    assert [hop.by for hop in read_path(head)] == ["mail.example.org", "mail.example.org"]


def test_the_queue_line_of_qmail_without_a_host_below_is_left_out():
    assert read_path(header("(qmail 1 invoked from network)")) == ()


def test_the_walk_ends_at_the_recipients_host():
    head = header(
        "from mail.example.org by mx.example.com",
        "from pc by mail.example.org",
        **{"from": "a@example.org", "to": "b@example.com"},
    )
    assert senders_hosts(head) == [("mail.example.org", True)]


def test_the_walk_ends_at_a_host_that_takes_mail_for_its_own_domain():
    head = header("from a by mx.example.com for <b@example.com>", **{"from": "a@example.org"})
    assert senders_hosts(head) == []


def test_a_recipient_of_the_same_organisation_does_not_hide_the_sender():
    head = header("from pc by mail.example.org", **{"from": "a@example.org", "to": "b@example.org"})
    assert senders_hosts(head) == [("mail.example.org", True)]


def test_only_the_first_foreign_organisation_counts():
    head = header(
        "from out.relay.example by third.example",
        "from in.relay.example by out.relay.example",
        "from pc by in.relay.example",
        **{"from": "a@example.org"},
    )
    assert senders_hosts(head) == [("in.relay.example", False), ("out.relay.example", False)]


def test_a_list_server_does_not_become_the_sender_by_its_reverse_path():
    fields = {"from": "a@example.org", "to": "list@lists.example.net", "return-path": "<list-admin@lists.example.net>"}
    assert senders_hosts(header("from pc by lists.example.net", **fields)) == []


def test_the_host_that_took_a_report_from_another_is_not_its_writer():
    fields = {"from": "MAILER-DAEMON@mx.example.net"}
    assert senders_hosts(header("from mail.example.org by mx.example.net", **fields), report=True) == []
    assert senders_hosts(header("by mx.example.net (Postfix)", **fields), report=True) == [("mx.example.net", True)]


@pytest.mark.parametrize(
    ("lines", "sender", "expected"),
    [
        (["by mail-x.google.com with SMTP", "by 10.1.2.3 with SMTP"], "a@example.org", True),
        (["from mail-x.google.com by mx.example.com"], "a@gmail.com", True),
        (["from mail.example.org by mx.google.com", "from pc by mail.example.org"], "a@example.org", False),
        (["by ab1.prod.outlook.com with mapi id 15.20.1.1"], "a@example.org", False),
        (["by ab1.prod.outlook.com with mapi id 15.20.1.1"], "a@hotmail.com", True),
        ([], "a@gmail.com", False),
    ],
)
def test_mail_from_a_large_provider(lines, sender, expected):
    head = header(*lines, **{"from": sender})
    assert came_from_provider(read_path(head), head) is expected
