"""The editor of templates in a real browser: change a sentence, see it, break it, mend it, publish, test, go back."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from responder.storage import templates
from responder.storage.engine import make_engine
from tests.support.browser import NARROW, Watched, running_browser, watched
from tests.support.running import Running, running

FIRST = "Our mail server refused your mail because the"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("service")) as service:
        yield service


@pytest.fixture(scope="module")
def base(service: Running) -> str:
    return "http://" + service.wait_for(r" listening face=web address=(\S+)")[1]


def sign_in(service: Running, page: Watched, role: str, login: str) -> None:
    done = service.run("staff", "add", login, "--role", role)
    assert done.returncode == 0, done.stderr
    page.sign_in(done.stdout.split()[-1])


def test_an_editor_changes_a_sentence_sees_it_breaks_it_mends_it_publishes_and_goes_back(
    service: Running, browser: Browser, base: str
) -> None:
    with watched(browser, base) as seen:
        page = seen.page
        sign_in(service, seen, "editor", "anna@example.com")
        page.get_by_role("link", name="Templates").click()
        page.get_by_role("link", name="Answer to a plea for help").click()
        look = page.locator("#look")
        expect(look).to_contain_text(FIRST)
        text = page.get_by_label("Text of the template")
        original = text.input_value()

        text.fill(original.replace("Hello,", "Good day to you,"))
        expect(look.locator(".letter")).to_contain_text("Good day to you,")

        text.fill(original.replace("Hello,", "Good day {{ adress }},"))
        line = original[: original.index("Hello,")].count("\n") + 1
        fault = look.locator("#faults li")
        expect(fault).to_contain_text(f"Line {line}, column 13: 'adress' is not a variable; did you mean 'address'?")
        fault.click()
        assert page.evaluate("document.activeElement.id") == "text"
        page.get_by_role("button", name="Publish", exact=True).click()
        expect(page.get_by_role("alert").first).to_contain_text("This was not published")
        assert "adress" in text.input_value()

        text.fill(original.replace("Hello,", "Good day to you,"))
        page.get_by_role("button", name="Check and preview").click()
        expect(page.get_by_role("status")).to_contain_text("It is in order")
        page.get_by_label("Send it to").fill("anna@example.com")
        page.get_by_role("button", name="Send a test").click()
        expect(page.get_by_text("The test message is on its way to anna@example.com.")).to_be_visible()
        service.wait_for(" handed-over .*kind=test recipient=anna@example.com")

        page.get_by_label("Why").first.fill("friendlier")
        page.get_by_role("button", name="Publish", exact=True).click()
        expect(page.get_by_role("status").first).to_contain_text("It is published")
        expect(page.get_by_text("version 1, published")).to_be_visible()
        service.wait_for("templates-changed edited=1")
        assert "Good day to you," in service.run("templates", "preview", "answer").stdout

        page.get_by_text("from the shipped text").click()
        expect(page.locator(".diff .plus").filter(has_text="+Good day to you,").first).to_be_visible()
        page.get_by_role("button", name="Back to the shipped text").click()
        expect(page.get_by_role("status").first).to_contain_text("The shipped text is in use again.")
        assert page.get_by_label("Text of the template").input_value() == original
        history = service.rows("templates", "history", "answer")
        assert [(each["event"], each["by"]) for each in history] == [
            ("withdrawn", "anna@example.com"),
            ("published", "anna@example.com"),
            ("written", "anna@example.com"),
        ]
        assert seen.faults == []


def test_a_click_inserts_a_variable_and_the_case_can_be_chosen(service: Running, browser: Browser, base: str) -> None:
    with watched(browser, base) as seen:
        page = seen.page
        sign_in(service, seen, "editor", "bert")
        seen.open("/templates/en/approved")
        text = page.get_by_label("Text of the template")
        text.press("Control+End")
        page.get_by_role("button", name="organization", exact=True).click()
        assert text.input_value().endswith("{{ organization.name }}")
        expect(page.locator("#look .letter")).to_contain_text("Example Organisation")
        page.get_by_label("Case").select_option("approved-network")
        expect(page.locator("#look")).to_contain_text("203.0.113.8/29")
        seen.open("/templates")
        page.get_by_label("Name").fill("guides/new-server")
        page.get_by_role("button", name="Begin").click()
        page.wait_for_url("**/templates/en/guides/new-server")
        assert text.input_value().startswith('+++\ntitle = "new-server"\n')
        assert seen.faults == []


def test_without_a_script_the_button_shows_the_same(service: Running, browser: Browser, base: str) -> None:
    with watched(browser, base, java_script_enabled=False, viewport=NARROW) as seen:
        page = seen.page
        sign_in(service, seen, "editor", "carl")
        seen.open("/templates/en/guides/generic")
        text = page.get_by_label("Text of the template")
        text.fill(text.input_value() + "\n{{ nowhere }}\n")
        page.get_by_role("button", name="Check and preview").click()
        expect(page.locator("#faults")).to_contain_text("'nowhere' is not a variable")
        text.fill(text.input_value().replace("{{ nowhere }}", "Fresh words, <b>no tags</b> & `[192.0.2.25]`."))
        page.get_by_role("button", name="Keep as a draft").click()
        expect(page.get_by_role("status").first).to_contain_text("It is kept as a draft")
        expect(page.locator(".letter")).to_contain_text("Fresh words, <b>no tags</b> & [192.0.2.25].")
        assert "Fresh words" not in service.run("templates", "preview", "generic").stdout


def test_a_reader_looks_and_changes_nothing(service: Running, browser: Browser, base: str) -> None:
    with watched(browser, base) as seen:
        page = seen.page
        sign_in(service, seen, "reader", "dora")
        seen.open("/templates/en/answer")
        expect(page.locator("#look")).to_contain_text(FIRST)
        assert page.get_by_label("Text of the template").get_attribute("readonly") is not None
        assert page.get_by_role("button", name="Publish", exact=True).count() == 0
        answer = page.request.post(f"{base}/templates/en/answer", form={"do": "publish", "text": "x"})
        assert answer.status == 403


def test_whoever_was_slower_is_shown_the_difference(service: Running, browser: Browser, base: str) -> None:
    with watched(browser, base) as seen:
        page = seen.page
        sign_in(service, seen, "editor", "emil")
        seen.open("/templates/en/lapsed")
        text = page.get_by_label("Text of the template")
        mine = text.input_value() + "\nMine.\n"
        folder = service.folder / "folder"
        assert service.run("templates", "pull", str(folder)).returncode == 0
        file = Path(folder / "en" / "lapsed.md")
        file.write_text(file.read_text(encoding="utf-8") + "\nTheirs.\n", encoding="utf-8")
        assert service.run("templates", "push", str(folder)).returncode == 0

        text.fill(mine)
        page.get_by_role("button", name="Publish", exact=True).click()

        expect(page.get_by_role("alert").first).to_contain_text("was changed by somebody else since you began")
        expect(page.locator(".diff .minus").filter(has_text="-Theirs.").first).to_be_visible()
        assert text.input_value() == mine
        page.get_by_role("button", name="Publish", exact=True).click()
        expect(page.get_by_role("status").first).to_contain_text("It is published")


def test_languages_stand_side_by_side_and_tell_what_is_missing_or_behind(
    service: Running, browser: Browser, base: str
) -> None:
    with watched(browser, base, viewport=NARROW) as seen:
        page = seen.page
        sign_in(service, seen, "editor", "gina")
        seen.open("/templates/en/deny-reasons/dynamic")
        text = page.get_by_label("Text of the template")
        text.fill(text.input_value() + "\nThat is all.\n")
        page.get_by_role("button", name="Publish", exact=True).click()
        expect(page.get_by_role("status").first).to_contain_text("It is published")

        seen.open("/templates")
        row = page.get_by_role("row").filter(has_text="The address is assigned dynamically")
        expect(row).to_contain_text("version 1")
        assert row.get_by_text("older than the English").count() == 3
        page.get_by_role("row").filter(has_text="Haraka").get_by_role("link", name="begin").first.click()
        assert 'translates = "' in text.input_value()
        assert seen.overflow() == 0
        assert seen.faults == []


def test_what_a_hand_broke_is_told_on_the_pages(service: Running, browser: Browser, base: str) -> None:
    engine = make_engine(f"sqlite:///{service.folder / 'data' / 'responder.db'}")
    with engine.execution_options(write=True).begin() as connection:
        given = {"name": "renewed", "locale": "en", "source": "broken", "shipped_sha256": None, "why": ""}
        row = templates.add_version(connection, **given, created_by="hand", at=datetime.now(UTC))
        templates.publish(connection, row, by="hand", at=datetime.now(UTC))
    engine.dispose()
    with watched(browser, base) as seen:
        page = seen.page
        sign_in(service, seen, "editor", "hugo")
        seen.open("/templates")
        expect(page.get_by_role("alert")).to_contain_text("en/renewed, line 1: the published version 1 cannot be used")
        seen.open("/templates/en/renewed")
        page.get_by_role("button", name="Back to the shipped text").click()
        expect(page.get_by_role("status").first).to_contain_text("The shipped text is in use again.")
        assert page.get_by_role("alert").count() == 0


def test_a_test_message_goes_to_no_stranger(service: Running, browser: Browser, base: str) -> None:
    with watched(browser, base) as seen:
        page = seen.page
        sign_in(service, seen, "editor", "fred")
        seen.open("/templates/en/answer")
        page.get_by_label("Send it to").fill("somebody@example.org")
        page.get_by_role("button", name="Send a test").click()
        expect(page.get_by_role("alert").first).to_contain_text("test messages go to addresses of our own domains")
