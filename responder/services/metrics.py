"""The figures in the text format of Prometheus (exposition format 0.0.4)."""

from collections.abc import Iterator, Mapping

from responder.services.dashboard import Counted, Figures

_NOTHING: Mapping[str, float] = {}
_POLICY = {
    "exemptions": "exemptions that the policy service of this process knows",
    "exemptions_age_seconds": "how long ago it was seen that they are the newest",
    "refusals_waiting": "refusals that wait to be written down",
    "refusals_dropped": "refusals that could not wait any longer",
    "connections": "mail servers that are connected to it",
    "faults": "questions that got no answer for a fault of ours",
}
_SINGLE = {
    "requests_overdue": ("overdue", "requests that wait longer than they should"),
    "outbound_queued": ("queued", "outbound messages that wait"),
    "outbound_due": ("due", "outbound messages that should leave now"),
    "outbound_failed_day": ("failed", "outbound messages of the last 24 hours that were given up"),
    "outbound_bounced_day": ("bounced", "outbound messages of the last 24 hours that came back"),
    "messages_day": ("came_today", "messages that came in the last 24 hours"),
    "messages_answered_day": ("answered_today", "messages of the last 24 hours that are answered"),
    "answer_median_seconds": ("answer_seconds", "median from a message to its answer at the relay, last 24 hours"),
    "policy_nodes_behind": ("policy_behind", "policy services that do not answer from the newest exemptions"),
    "decision_median_seconds": ("decision_seconds", "median from a request to its decision, last 7 days"),
}


def write_metrics(
    figures: Figures | None, parts: Mapping[str, bool], version: str, policy: Mapping[str, float] = _NOTHING
) -> str:
    """Give the text; without `figures`, where the database cannot be read, only what is known without it.

    `policy` is what a policy service of this process has in memory.
    """
    return "\n".join([*_policy_lines(policy), *_lines(figures, parts, version), ""])


def _policy_lines(policy: Mapping[str, float]) -> Iterator[str]:
    for name, value in policy.items():
        yield from _family(f"policy_{name}", _POLICY[name], {"": value})


def _lines(figures: Figures | None, parts: Mapping[str, bool], version: str) -> Iterator[str]:
    yield from _family("info", "the program", {f'version="{_escape(version)}"': 1})
    yield from _family("ready", "whether a part works", {f'part="{part}"': int(works) for part, works in parts.items()})
    if figures is None:
        return
    states = {'state="waiting"': figures.waiting, 'state="asked"': figures.asked}
    yield from _family("requests", "open requests", states)
    for name, (attribute, meaning) in _SINGLE.items():
        value = getattr(figures, attribute)
        if value is not None:
            yield from _family(name, meaning, {"": value})
    yield from _family(
        "messages_silent_day", "messages of the last 24 hours not answered", _labels("reason", figures.silent)
    )
    meaning = "answers of the policy services in this hour and the one before, by what decided"
    yield from _family("policy_answers_recent", meaning, _labels("ground", figures.policy_answers))
    yield from _family("software_week", "software seen in the last 7 days", _labels("product", figures.software))


def _family(name: str, meaning: str, values: Mapping[str, float]) -> Iterator[str]:
    full = f"responder_{name}"
    yield f"# HELP {full} {meaning}"
    yield f"# TYPE {full} gauge"
    for labels, value in values.items():
        yield f"{full}{{{labels}}} {value}" if labels else f"{full} {value}"


def _labels(label: str, counted: Counted) -> dict[str, float]:
    return {f'{label}="{_escape(name)}"': number for name, number in counted}


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
