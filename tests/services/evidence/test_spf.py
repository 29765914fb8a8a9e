"""SPF against its published test suite, and against records that are made to hurt."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
import yaml

from responder.domain.findings import Result
from responder.services.evidence.facts import Fact, Kind, Status
from responder.services.evidence.spf_check import SpfResult, check_spf

PROJECT = Path(__file__).resolve().parents[3]
SUITE = Path(os.environ.get("RESPONDER_SPF_SUITE") or PROJECT / ".tools/spf-suite/rfc7208-tests.yml")
TESTS = 203
CLIENT = ip_address("192.0.2.25")

Zone = Mapping[str, list[Any]]
Find = Callable[[str, Kind], Awaitable[Fact]]


def facts_of(zone: Zone) -> tuple[Find, list[tuple[str, Kind]]]:
    """Give a resolver for the zone of one scenario as the suite writes it, and the list of what it is asked."""
    records = {name.lower(): list(_records(entries)) for name, entries in zone.items()}
    asked: list[tuple[str, Kind]] = []

    async def find(name: str, kind: Kind, aliases: int = 0) -> Fact:
        asked.append((name, kind))
        if name not in records:
            return Fact(name, kind, Status.TIMED_OUT if name.startswith("error.") else Status.NO_NAME)
        values: list[str] = []
        for record in records[name]:
            if record in ("TIMEOUT", (kind, "TIMEOUT")):
                return Fact(name, kind, Status.FOUND if values else Status.TIMED_OUT, tuple(values))
            if record[0] == "CNAME":
                if aliases == 8:
                    return Fact(name, kind, Status.FAILED)
                target = await find(record[1].lower().rstrip("."), kind, aliases + 1)
                return Fact(name, kind, target.status, target.values)
            if record[0] == kind:
                values.append(_value(kind, record[1]))
        return Fact(name, kind, Status.FOUND if values else Status.NO_DATA, tuple(values))

    return find, asked


def _records(entries: list[Any]) -> list[Any]:
    """Give a name's records; what the suite writes as SPF is also a TXT record where that is not written."""
    records: list[Any] = []
    for entry in entries:
        records += [entry] if isinstance(entry, str) else list(entry.items())
    if not any(record[0] == "TXT" for record in records if record != "TIMEOUT"):
        records += [("TXT", record[1]) for record in records if record != "TIMEOUT" and record[0] == "SPF"]
    return [record for record in records if record == "TIMEOUT" or record[1] not in ("NONE", ["NONE"])]


def _value(kind: Kind, value: Any) -> str:
    match kind:
        case Kind.TXT:
            return "".join(value).encode().decode("latin-1")
        case Kind.MX:
            return f"{value[0]} {value[1]}"
    return value.rstrip(".")


def test_the_published_suite():
    assert SUITE.exists(), f"{SUITE} is missing: run sh tests/system-packages, or set RESPONDER_SPF_SUITE"
    wrong, count = {}, 0
    for scenario in yaml.safe_load_all(SUITE.read_text("utf-8")):
        find, _ = facts_of(scenario["zonedata"])
        for name, test in scenario["tests"].items():
            outcome = asyncio.run(check_spf(ip_address(test["host"]), test["mailfrom"] or "", test["helo"], find))
            wanted = test["result"] if isinstance(test["result"], list) else [test["result"]]
            count += 1
            if outcome.result not in wanted:
                wrong[f"{scenario['description']}: {name}"] = (outcome.result, wanted)
    assert wrong == {}
    assert count >= TESTS


def check(zone: Zone, sender: str = "ann@example.org") -> tuple[SpfResult, list[tuple[str, Kind]]]:
    find, asked = facts_of(zone)
    return asyncio.run(check_spf(CLIENT, sender, "mail.example.org", find)), asked


def test_what_decided_is_told():
    outcome, _ = check({"example.org": [{"TXT": "v=spf1 a:mail.example.org -all"}]})
    assert outcome == SpfResult(Result.FAIL, "-all")


def test_no_name_is_asked_about_twice_and_no_explanation_is_fetched():
    zone = {
        "example.org": [{"TXT": "v=spf1 include:a.example include:b.example exp=exp.example -all"}],
        **{f"{name}.example": [{"TXT": "v=spf1 a:c.example -all"}] for name in "ab"},
        "c.example": [{"A": "192.0.2.1"}],
    }
    outcome, asked = check(zone)
    assert outcome.result is Result.FAIL
    assert len(asked) == len(set(asked))
    assert ("exp.example", Kind.TXT) not in asked


@pytest.mark.parametrize(
    "record",
    [
        "v=spf1 " + " ".join(f"include:i{number}.example" for number in range(11)),
        "v=spf1 include:example.org -all",
        "v=spf1 a:no1.example a:no2.example a:no3.example -all",
        "v=spf1 " + "a " * 3000 + "-all",
        "v=spf1 exists:" + "%{" * 2000 + " -all",
        "v=spf1 exists:" + "%{s}" * 900 + " -all",
        "v=spf1 ip4:" + "1." * 2000 + " -all",
        "v=spf1 ip6:" + ":" * 4000 + " -all",
        "v=spf1 " + "/1" * 2000 + " -all",
        "v=spf1 \x00\x1b[2J -all",
        "v=spf1 \xff\xfe -all",
        "v=spf1 redirect=" + "a." * 200,
    ],
)
def test_a_record_that_is_made_to_hurt_does_not(record: str):
    zone = {"example.org": [{"TXT": record}]}
    zone |= {f"i{number}.example": [{"TXT": "v=spf1 ?all"}] for number in range(11)}
    outcome, asked = check(zone)
    assert outcome.result in {Result.PERMERROR, Result.FAIL}
    assert len(asked) <= 15


def test_mail_hosts_are_looked_up_together_and_no_more_than_ten():
    hosts = [{"MX": [number, f"m{number}.example"]} for number in range(10)]
    zone = {"example.org": [{"TXT": "v=spf1 mx -all"}, *hosts]}
    zone |= {f"m{number}.example": [{"A": f"192.0.2.{number + 16}"}] for number in range(10)}
    assert check(zone)[0] == SpfResult(Result.PASS, "mx")
    zone["example.org"].append({"MX": [99, "m99.example"]})
    outcome, asked = check(zone)
    assert outcome.result is Result.PERMERROR
    assert len(asked) == 2


def test_dead_servers_leave_it_unknown():
    assert check({"example.org": ["TIMEOUT"]})[0].result is Result.TEMPERROR
