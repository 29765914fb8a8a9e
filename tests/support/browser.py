"""A real browser, Debian's Chromium, that notes whatever a page should not do."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, sync_playwright

PROGRAM = "/usr/bin/chromium"
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
WIDE = {"width": 1280, "height": 900}
NARROW = {"width": 390, "height": 844}


@dataclass
class Watched:
    """A page, and what it did that it should not.

    Attributes:
        page: to be driven.
        base: the address of the service.
        faults: scripts that ran, errors, requests to other places.
    """

    page: Page
    base: str
    faults: list[str] = field(default_factory=list)

    def open(self, path: str) -> None:
        """Open a page of the service."""
        self.page.goto(self.base + path)

    def sign_in(self, link: str) -> None:
        """Use a one-time link, given whole or as a path."""
        self.open(urlsplit(link).path)
        self.page.get_by_role("button", name="Sign in as").click()
        self.page.wait_for_url("**/queue**")

    def overflow(self) -> int:
        """Give by how many pixels the page is wider than the window."""
        width: int = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        return width


@contextmanager
def running_browser() -> Iterator[Browser]:
    """Run the browser until the block ends."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=PROGRAM, args=[*ARGUMENTS])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def watched(browser: Browser, base: str, **options: Any) -> Iterator[Watched]:
    """Give a page of a fresh profile that looks at the service at `base`; `options` are those of a context."""
    context = browser.new_context(**({"viewport": WIDE} | options))
    context.set_default_timeout(10_000)
    page = context.new_page()
    seen = Watched(page, base)
    page.on("dialog", lambda dialog: (seen.faults.append(f"dialog {dialog.message}"), dialog.dismiss()))
    page.on("pageerror", lambda error: seen.faults.append(f"error {error}"))
    page.on("console", lambda message: _note_message(seen, message))
    page.on("request", lambda request: _note_request(seen, request.url))
    try:
        yield seen
    finally:
        context.close()


def _note_message(seen: Watched, message: Any) -> None:
    if message.type == "error" and "Failed to load resource" not in message.text:
        seen.faults.append(f"console {message.text}")


def _note_request(seen: Watched, url: str) -> None:
    if not url.startswith(seen.base):
        seen.faults.append(f"request {url}")
