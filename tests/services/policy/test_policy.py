"""Answers to mail servers: from memory where that tells, from the lists else, each with its ground counted."""

import inspect
from datetime import timedelta
from ipaddress import ip_address, ip_network

import pytest

from responder.domain.policy import Ground, PolicyRequest, PolicyRules
from responder.services.evidence.facts import Fact, Kind, Status
from responder.services.policy import Policy, PolicyTerms
from responder.services.policy.steps import explain
from responder.services.refusals import Refusals
from tests.support.clock import FakeClock
from tests.support.pleas import IDENTITY
from tests.support.smtp import in_loop

CLIENT = ip_address("198.51.100.7")
EXEMPT = ip_address("198.51.100.8")
RULES = PolicyRules(IDENTITY, dynamic_networks=(ip_network("203.0.113.0/24"),))


class Lists:
    """Lists whose answers are known, or have to be waited for."""

    def __init__(self, listed=(), *, remembers=True, name=""):
        self.listed = dict(listed)
        self.remembers = remembers
        self.name = name

    def known(self, client):
        return self.listed.get(client, "") if self.remembers else None

    async def look_up(self, client):
        return self.listed.get(client, "")

    async def ask_name(self, client):
        return Fact(str(client), Kind.PTR, Status.FOUND, (self.name,) if self.name else ())


class Allowed:
    """Exemptions that are known, or not."""

    is_known = True
    age_seconds = 3.0
    serial = 7

    def __len__(self):
        return 1

    def find(self, ip):
        if not self.is_known:
            raise LookupError("not read")
        return 41 if ip == EXEMPT else None


class Counting(list):
    add = list.append


class Setup:
    def __init__(self, lists=None, bypass_action="DUNNO"):
        self.uses, self.answers = Counting(), Counting()
        self.allowlist = Allowed()
        self.refusals = Refusals(None, FakeClock(), remember_for=timedelta(days=30))
        self.policy = Policy(
            PolicyTerms(RULES, "bypass@example.com", bypass_action),
            allowlist=self.allowlist,
            lists=lists or Lists(),
            answers=self.answers,
            uses=self.uses,
            refusals=self.refusals,
        )

    def ask(self, client=CLIENT, *, name="mail.shop.example", recipient="user@example.com", **changes):
        question = PolicyRequest("RCPT", client, name, "ann@shop.example", recipient, **changes)
        return self.policy.answer(question)

    def ground(self):
        (ground,) = self.answers
        return ground


def test_a_client_that_nothing_speaks_against_passes_for_the_next_checks():
    setup = Setup()
    assert (setup.ask(), setup.ground()) == ("DUNNO", Ground.NOT_DYNAMIC)
    assert len(setup.refusals) == 0


def test_a_listed_client_is_refused_with_its_address_the_bypass_address_a_reference_and_the_list():
    setup = Setup(Lists({CLIENT: "A policy list"}))
    text = setup.ask()
    assert text.startswith("550 5.7.1 Your IP address 198.51.100.7 appears to be dynamically assigned.")
    assert "bypass@example.com (ref " in text
    assert text.endswith("Listed: A policy list.")
    assert (setup.ground(), len(setup.refusals)) == (Ground.LISTED, 1)


def test_the_same_message_is_taken_for_the_bypass_address_and_refused_for_a_user():
    setup = Setup(Lists({CLIENT: "A policy list"}), bypass_action="PREPEND X-Bypass: yes")
    assert setup.ask(recipient="bypass@example.com") == "PREPEND X-Bypass: yes"
    assert setup.ask().startswith("550 ")
    assert setup.ask(recipient="postmaster@example.com") == "DUNNO"


@pytest.mark.parametrize("listed", [{EXEMPT: "A policy list"}, {}])
def test_an_exempt_client_passes_whatever_the_lists_and_its_name_say_and_the_use_is_counted(listed):
    setup = Setup(Lists(listed))
    assert setup.ask(EXEMPT, name="198-51-100-8.dyn.isp.example") == "DUNNO"
    assert (setup.ground(), setup.uses) == (Ground.EXEMPT, [41])


def test_an_exemption_that_decides_nothing_is_not_used():
    setup = Setup()
    setup.ask(EXEMPT, recipient="bypass@example.com")
    setup.ask(EXEMPT, is_authenticated=True)
    assert setup.uses == []


@pytest.mark.parametrize(
    ("client", "name", "ground"),
    [
        ("203.0.113.9", "mail.shop.example", Ground.DYNAMIC_NETWORK),
        ("198.51.100.7", "198-51-100-7.dyn.isp.example", Ground.DYNAMIC_NAME),
    ],
)
def test_networks_and_names_refuse_without_asking_any_list(client, name, ground):
    setup = Setup(Lists(remembers=False))
    text = setup.ask(ip_address(client), name=name)
    assert text.startswith("550 5.7.1 ")
    assert "Listed" not in text
    assert setup.ground() is ground


@in_loop
async def test_what_is_not_remembered_is_looked_up():
    setup = Setup(Lists({CLIENT: "A policy list"}, remembers=False))
    answer = setup.ask()
    assert inspect.isawaitable(answer)
    assert (await answer).endswith("Listed: A policy list.")


@in_loop
async def test_the_name_is_looked_up_where_the_server_does_not_tell_it():
    setup = Setup(Lists(name="198-51-100-7.dyn.isp.example"))
    assert (await setup.ask(name=None)).startswith("550 5.7.1 ")
    assert setup.ground() is Ground.DYNAMIC_NAME


def test_nothing_is_answered_where_it_is_not_known_who_is_exempt():
    setup = Setup()
    setup.allowlist.is_known = False
    with pytest.raises(LookupError):
        setup.ask()
    assert setup.ask(recipient="bypass@example.com") == "DUNNO"


def test_the_counts_tell_what_is_known_and_what_waits():
    setup = Setup(Lists({CLIENT: "A policy list"}))
    setup.ask()
    assert setup.policy.counts() == {
        "exemptions": 1,
        "exemptions_age_seconds": 3,
        "refusals_waiting": 1,
        "refusals_dropped": 0,
    }


class Asked(Lists):
    """Lists as an explanation asks them."""

    async def ask_all(self, client):
        from responder.services.evidence.checks import BlockList  # noqa: PLC0415

        listed = client in self.listed
        fact = Fact("", Kind.A, *((Status.FOUND, ("127.0.0.10",)) if listed else (Status.TIMED_OUT, ())))
        return [(BlockList("A policy list", "pbl.example"), fact)]


@in_loop
async def test_an_explanation_shows_every_step_and_decides_by_the_first_that_holds():
    terms = PolicyTerms(RULES, "bypass@example.com")
    lists = Asked({CLIENT: ""}, name="198-51-100-7.dyn.isp.example")
    told = await explain(CLIENT, "user@example.com", terms, lists, exemption=None)
    assert [(step.ground, step.holds) for step in told.steps] == [
        (Ground.BYPASS, False),
        (Ground.OWN_NETWORK, False),
        (Ground.EXEMPT, False),
        (Ground.DYNAMIC_NETWORK, False),
        (Ground.DYNAMIC_NAME, True),
        (Ground.LISTED, True),
    ]
    assert told.ground is Ground.DYNAMIC_NAME
    assert told.action.startswith("550 5.7.1 Your IP address 198.51.100.7 ")


@pytest.mark.parametrize(
    ("client", "recipient", "exemption", "ground", "action"),
    [
        ("198.51.100.7", "bypass@example.com", None, Ground.BYPASS, "DUNNO"),
        ("198.51.100.7", "abuse@example.com", None, Ground.STAFF, "DUNNO"),
        ("10.0.0.1", "user@example.com", None, Ground.OWN_NETWORK, "DUNNO"),
        ("203.0.113.9", "user@example.com", "exemption 41", Ground.EXEMPT, "DUNNO"),
        ("192.0.2.1", "user@example.com", None, Ground.NOT_DYNAMIC, "DUNNO"),
        ("198.51.100.7", "user@example.com", None, Ground.LISTED, "550 5.7.1 Your IP address 198.51.100.7"),
    ],
)
@in_loop
async def test_an_explanation_gives_the_answer_of_the_service(client, recipient, exemption, ground, action):
    lists = Asked({CLIENT: "A policy list"})
    terms = PolicyTerms(RULES, "bypass@example.com")
    told = await explain(ip_address(client), recipient, terms, lists, exemption=exemption)
    assert told.ground is ground
    assert told.action.startswith(action)
    assert ("Listed: A policy list." in told.action) == (ground is Ground.LISTED)


@in_loop
async def test_a_list_that_does_not_answer_is_shown_as_unknown():
    told = await explain(
        ip_address("192.0.2.1"), "user@example.com", PolicyTerms(RULES, "b@example.com"), Asked(), exemption=None
    )
    assert told.steps[-1].holds is None
    assert told.ground is Ground.NOT_DYNAMIC
