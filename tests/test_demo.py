"""`make demo ONCE=1`: every sample is answered and the process ends by itself, leaving nothing behind."""

import re
import subprocess
import sys

import pytest

from tests.support.running import PROJECT, clean_environment

SECONDS = 60


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("demo")
    done = subprocess.run(
        [sys.executable, "-m", "bench.demo", "--once"],
        cwd=PROJECT,
        env=clean_environment() | {"TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    assert list(folder.iterdir()) == []
    return done.stdout


def test_every_plea_gets_its_reference_and_its_answer(shown: str) -> None:
    references = re.findall(r"reply +250 2\.0\.0 (\S+) recorded", shown)
    assert len(set(references)) == len(list((PROJECT / "bench" / "pleas").glob("*.eml")))
    for reference in references:
        assert f"[{reference}]" in shown, "no subject names it"
        assert re.search(f"^{reference} waiting ", shown, re.MULTILINE), "the queue does not list it"


def test_the_software_of_each_server_is_recognised(shown: str) -> None:
    assert re.findall(r"software (.+)", shown) == ["exchange 2003", "postfix", "exchange 5.5", "hmailserver"]


def test_it_fits_a_terminal(shown: str) -> None:
    assert max(map(len, shown.splitlines())) <= 80
    assert "\x1b" not in shown


def test_it_tells_where_staff_decide(shown: str) -> None:
    assert re.search(r"^  http://127\.0\.0\.1:\d+/sign-in/[\w-]{43}$", shown, re.MULTILINE)


def test_what_is_looked_up_stands_in_the_answer(shown: str) -> None:
    assert "The reverse name of this address is mail.kestrel.example." in shown
