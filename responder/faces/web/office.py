"""What the pages are built from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from responder.domain.address import IPNetwork
from responder.services.blocked import Blocked
from responder.services.database import Database
from responder.services.exemptions import Exemptions
from responder.services.exports.on_demand import ExportServer
from responder.services.guide_page import GuidePage
from responder.services.queue import Queue
from responder.services.review import Review
from responder.services.sign_in import SignIn
from responder.services.templates.room import TemplateRoom


@dataclass(frozen=True, slots=True)
class Site:
    """Where and for whom the pages are.

    Attributes:
        organization: whose pages they are.
        base_url: their public address, empty where none is set.
        trusted_proxies: whose X-Forwarded-For, X-Forwarded-Proto and `user_header` are believed.
        user_header: the field in which those proxies name who is signed in; empty is none.
        overdue_after: a request that waits longer is marked; None marks none.
        version: of the program.
    """

    organization: str
    base_url: str = ""
    trusted_proxies: tuple[IPNetwork, ...] = ()
    user_header: str = ""
    overdue_after: timedelta | None = None
    version: str = ""


@dataclass(frozen=True, slots=True)
class Office:
    """All that pages and API work with.

    Attributes:
        database: what is looked at and changed.
        sign_in: who somebody is.
        queue: requests, exemptions and blocked senders as people look at them.
        review: decisions about requests.
        exemptions: exemptions apart from requests.
        blocked: senders that are never answered.
        deny_reasons: the titles of the deny reasons that staff may choose, by key.
        guide: gives a published guide by locale and key, None where there is none.
        exports: what is exempt in the formats of other programs.
        readiness: gives for each part whether it works.
        give_up_after: how long a message that is tried again may take.
        templates: the texts, and what their pages need.
        site: where and for whom.
        policy_counts: gives what a policy service of this process has in memory.
    """

    database: Database
    sign_in: SignIn
    queue: Queue
    review: Review
    exemptions: Exemptions
    blocked: Blocked
    deny_reasons: Callable[[], Mapping[str, str]]
    guide: Callable[[str, str], GuidePage | None]
    exports: ExportServer
    readiness: Callable[[], dict[str, bool]]
    give_up_after: timedelta
    templates: TemplateRoom
    site: Site
    policy_counts: Callable[[], Mapping[str, float]] = dict
