"""The pages in a real browser, served by a real process: by mouse, by keyboard, without a script, and read aloud."""

import smtplib
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

import pytest
from playwright.sync_api import Browser, expect

from tests.support.browser import NARROW, WIDE, Watched, running_browser, watched
from tests.support.running import PROJECT, Running, running

AXE = PROJECT / ".tools" / "axe" / "axe.min.js"
REFUSAL = "550 5.7.1 Your IP address {} appears to be dynamically assigned."
LISTS = (
    "/queue",
    "/queue?tab=all",
    "/exemptions",
    "/messages",
    "/outbox",
    "/blocked",
    "/dashboard",
    "/audit",
    "/people",
)
HOSTILE = "<script>alert(1)</script><img src=http://203.0.113.1/x onerror=alert(2)>'\"&{{7*7}}"


def plead(
    service: Running,
    number: int,
    *,
    address: str | None = None,
    subject: str = "Our mail is refused",
    body: str = "",
    sender: str | None = None,
) -> str:
    """Send a plea from the address that it is about, and give its reference."""
    address = address or f"203.0.113.{number}"
    sender = sender or f"admin@site{number}.example"
    text = f"Our address is static.\n\n{REFUSAL.format(address)}\n{body}"
    head = f"From: {sender}\nTo: bypass@example.com\nSubject: {subject}\nMessage-ID: <{number}@site.example>\n\n"
    with smtplib.SMTP("127.0.0.1", service.port, timeout=30) as client:
        client.ehlo("mx.example.com")
        client.docmd("XFORWARD", f"ADDR={address} NAME=mail.site{number}.example HELO=mail.site{number}.example")
        client.mail(sender, ["SMTPUTF8"] if not sender.isascii() else [])
        client.rcpt("bypass@example.com")
        code, said = client.data((head + text).replace("\n", "\r\n").encode())
    assert code == 250, said
    return said.decode().split()[1]


@dataclass
class Office:
    """The service, and a browser."""

    service: Running
    browser: Browser
    base: str

    def link(self, login: str, role: str = "admin") -> str:
        """Give a link for a person, added where there is none."""
        (made,) = self.service.rows("staff", "add", login, "--role", role)
        return made["link"]


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    settings = {"review.allow_networks": ["203.0.113.0/24", "198.51.100.0/24"]}
    with running_browser() as browser, running(tmp_path_factory.mktemp("web"), settings) as service:
        port = service.wait_for(r" listening face=web address=\S+:(\d+)")[1]
        yield Office(service, browser, f"http://127.0.0.1:{port}")


@pytest.fixture
def page(office: Office) -> Iterator[Watched]:
    """A page of somebody who may do everything; whatever it should not do fails the test."""
    with watched(office.browser, office.base) as page:
        page.sign_in(office.link("ada"))
        yield page
        assert page.faults == []


def state(office: Office, reference: str) -> str:
    (request,) = office.service.rows("queue", "show", reference)
    return request["state"]


def test_a_case_is_decided_by_mouse_and_taken_back(office: Office, page: Watched) -> None:
    reference = plead(office.service, 11, subject="By mouse")
    page.open("/queue")
    page.page.get_by_role("link", name="By mouse").click()
    expect(page.page.get_by_role("heading", name="203.0.113.11")).to_be_visible()
    expect(page.page.get_by_text("Our address is static.")).to_be_visible()
    page.page.get_by_role("button", name="Approve").click()
    notice = page.page.get_by_role("status")
    expect(notice).to_contain_text(f"{reference} is approved")
    assert state(office, reference) == "approved"
    notice.get_by_role("button", name="Undo").click()
    expect(page.page.get_by_role("status")).to_contain_text(f"{reference} is waiting")
    assert state(office, reference) == "waiting"


def test_cases_are_decided_by_keyboard_alone(office: Office, page: Watched) -> None:
    references = [plead(office.service, number, subject=f"By key {number}") for number in (22, 21)]
    keys = page.page.keyboard
    page.open("/queue?q=By+key")
    keys.press("j")
    keys.press("Enter")
    page.page.wait_for_url(f"**/requests/{references[1]}**")
    keys.press("a")
    page.page.wait_for_url(f"**/requests/{references[0]}**done={references[1]}")
    keys.press("u")
    page.page.wait_for_url(f"**/requests/{references[1]}**")
    keys.press("d")
    keys.press("Space")
    expect(page.page.get_by_label("The address is assigned dynamically")).to_be_checked()
    page.page.get_by_role("button", name="Deny", exact=True).press("Enter")
    expect(page.page.get_by_role("status")).to_contain_text("is denied")
    assert [state(office, reference) for reference in references] == ["waiting", "denied"]
    page.open("/queue")
    keys.press("?")
    expect(page.page.get_by_role("dialog", name="Keys")).to_be_visible()
    keys.press("Escape")
    keys.press("/")
    keys.type(references[0].lower().replace("-", ""))
    keys.press("Enter")
    page.page.wait_for_url(f"**/requests/{references[0]}")
    keys.press("q")
    keys.type("Which address is it? Write j, k, a, d and x.")
    page.page.get_by_role("button", name="Ask", exact=True).press("Enter")
    expect(page.page.get_by_role("status")).to_contain_text("is asked")


def test_many_cases_are_decided_at_once_after_a_look(office: Office, page: Watched) -> None:
    references = [plead(office.service, number, subject=f"In bulk {number}") for number in (31, 32, 33)]
    keys = page.page.keyboard
    page.open("/queue?q=In+bulk")
    for _ in references:
        keys.press("j")
        keys.press("x")
    page.page.get_by_role("button", name="Show what would change").click()
    expect(page.page.get_by_role("heading", name="Approve 3 of 3?")).to_be_visible()
    assert {state(office, reference) for reference in references} == {"waiting"}
    page.page.get_by_role("button", name="Approve 3 requests").click()
    expect(page.page.get_by_role("heading", name="Done: approve")).to_be_visible()
    assert {state(office, reference) for reference in references} == {"approved"}


def test_everything_works_without_a_script(office: Office) -> None:
    reference = plead(office.service, 41, subject="Without a script")
    with watched(office.browser, office.base, java_script_enabled=False) as page:
        page.sign_in(office.link("ada"))
        page.page.get_by_label("Search").fill("without script")
        page.page.get_by_role("button", name="Search").click()
        page.page.get_by_role("link", name="Without a script").click()
        page.page.get_by_text("Deny").first.click()
        page.page.get_by_label("The range is too wide").check()
        page.page.get_by_role("button", name="Deny", exact=True).click()
        expect(page.page.get_by_role("status")).to_contain_text("is denied")
        page.page.get_by_role("button", name="Undo").click()
        assert state(office, reference) == "waiting"
        page.open("/queue?tab=all&q=site41.example")
        page.page.get_by_label(f"Select {reference}").check()
        page.page.get_by_label("With the selected").select_option("approve")
        page.page.get_by_role("button", name="Show what would change").click()
        page.page.get_by_role("button", name="Approve 1 request").click()
        assert state(office, reference) == "approved"
        page.page.get_by_role("button", name="Sign out").click()
        page.open("/queue")
        assert "/sign-in" in page.page.url
        assert page.faults == []


def test_two_who_decide_at_once_hear_of_each_other(office: Office, page: Watched) -> None:
    reference = plead(office.service, 51, subject="Twice")
    with watched(office.browser, office.base) as other:
        other.sign_in(office.link("bob", "reviewer"))
        for each in (page, other):
            each.open(f"/requests/{reference}")
        page.page.get_by_role("button", name="Approve").click()
        expect(page.page.get_by_role("status")).to_contain_text("approved")
        other.page.get_by_role("button", name="Approve").click()
        expect(other.page.get_by_role("alert")).to_contain_text("ada")
        assert other.faults == []
    (shown,) = office.service.rows("queue", "show", reference)
    assert [each["kind"] for each in shown["replies"]].count("notice") == 1


def test_a_reader_sees_and_cannot_touch(office: Office) -> None:
    reference = plead(office.service, 61, subject="Only looking")
    with watched(office.browser, office.base) as page:
        page.sign_in(office.link("ray", "reader"))
        page.open(f"/requests/{reference}")
        assert page.page.get_by_role("button").all_inner_texts() == ["Sign out"]
        page.open("/people")
        expect(page.page.get_by_role("heading")).to_contain_text("permission")
        assert page.faults == []


def test_a_page_of_another_site_changes_nothing(office: Office) -> None:
    reference = plead(office.service, 65, subject="Not by others")
    with watched(office.browser, office.base) as page:
        page.sign_in(office.link("ada"))
        form = f'<form method="post" action="{office.base}/requests/{reference}/approve"><button>Win</button></form>'
        page.page.goto(f"data:text/html,{quote(form)}")
        page.page.get_by_role("button", name="Win").click()
        expect(page.page.locator("body")).to_contain_text("came from another site")
        page.open(f"/requests/{reference}")
        expect(page.page.get_by_role("button", name="Approve")).to_be_visible()
    assert state(office, reference) == "waiting"


@pytest.fixture(scope="module")
def hostile(office: Office) -> str:
    """A plea with something nasty in every field."""
    return plead(
        office.service,
        71,
        subject="=?utf-8?q?=3Cscript=3Ealert=281=29=3C/script=3E_=E2=80=AE_?=" + HOSTILE + "W" * 700,
        body=f"{HOSTILE}\n<script>alert(3)</script>\n" + "M" * 5000 + "\x1b[2J\u202e\u200b",
        sender='"<svg/onload=alert(4)>"@evil71.example',
    )


@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_hostile_mail_runs_no_script_and_breaks_no_layout(
    office: Office, hostile: str, viewport: dict[str, int], scheme: str
) -> None:
    (request,) = office.service.rows("queue", "show", hostile)
    details = [f"/messages/{each['id']}" for each in request["message_list"]]
    details += [f"/outbox/{each['id']}" for each in request["replies"]]
    pages = (*LISTS, f"/requests/{hostile}", *details, "/account")
    with watched(office.browser, office.base, viewport=viewport, color_scheme=scheme) as page:
        page.sign_in(office.link("ada"))
        for path in (*pages, "/queue?q=%3Cscript%3Ealert(5)%3C/script%3E", "/nothing/%3Cscript%3E"):
            page.open(path)
            assert page.overflow() <= 0, path
            assert page.page.locator("main img, main script, main iframe, main svg script").count() == 0, path
            assert "\u202e" not in page.page.content(), path
        page.open(f"/requests/{hostile}")
        assert HOSTILE in page.page.get_by_role("main").inner_text().replace("\n", "")
        assert page.faults == []


@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_screen_reader_finds_its_way(office: Office, hostile: str, viewport: dict[str, int], scheme: str) -> None:
    assert AXE.exists(), "axe-core is not there: run sh tests/system-packages"
    serious = []
    with watched(office.browser, office.base, viewport=viewport, color_scheme=scheme, bypass_csp=True) as page:
        link = office.link("ada")
        page.open(urlsplit(link).path)
        serious += look_with_axe(page, "link")
        page.sign_in(link)
        for path in (*LISTS, f"/requests/{hostile}", "/account", "/sign-in", "/guides/en/generic"):
            page.open(path)
            serious += look_with_axe(page, path)
    assert serious == []


def look_with_axe(page: Watched, path: str) -> list[str]:
    page.page.evaluate(AXE.read_text("utf-8"))
    found = page.page.evaluate("axe.run({resultTypes: ['violations']})")
    return [
        f"{path}: {each['id']} {each['nodes'][0]['html'][:200]}"
        for each in found["violations"]
        if each["impact"] in {"serious", "critical"}
    ]
