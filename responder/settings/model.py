"""Every setting with its default; docs/settings.md says what each one means."""

from email.utils import parseaddr
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from responder.settings.values import (
    Count,
    DailyTime,
    Days,
    Domain,
    Endpoint,
    FieldName,
    FromMailbox,
    Hours,
    Key,
    Limit,
    Line,
    ListCode,
    Listen,
    Locale,
    Mailbox,
    NamePattern,
    Network,
    OptionalDatabaseUrl,
    OptionalHost,
    OptionalMailbox,
    OptionalWebUrl,
    Pause,
    RelayUrl,
    Seconds,
)

_KEPT_AT_LEAST = 4096
_MOST_CONNECTIONS = 100  # each is a thread
_SMALLEST_PREFIX_V4 = 16
_SMALLEST_PREFIX_V6 = 32


class Section(BaseModel):
    """What all tables of the settings have in common: they are frozen and take no unknown key."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Organization(Section):
    """Who refuses, as the answers name it."""

    name: Annotated[Line, Field(min_length=1)] = "Example Organisation"
    domain: Domain = "example.com"
    postmaster: Mailbox = "postmaster@example.com"
    website: OptionalWebUrl = ""


class Database(Section):
    """Where everything is kept."""

    url: OptionalDatabaseUrl = ""


class Smtp(Section):
    """The face that takes pleas."""

    listen: Annotated[tuple[Listen, ...], Field(min_length=1)] = (Endpoint("127.0.0.1", 2525),)
    hostname: OptionalHost = ""
    bypass_addresses: Annotated[tuple[Mailbox, ...], Field(min_length=1)] = ("bypass@example.com",)
    plus_addressing: bool = True
    own_domains: tuple[Domain, ...] = ()
    max_message_bytes: Limit = 26_214_400
    keep_bytes: Annotated[Count, Field(ge=_KEPT_AT_LEAST)] = 1_048_576
    max_recipients: Limit = 100
    max_connections: Limit = 1000
    max_connections_per_client: Limit = 50
    max_messages_per_session: Limit = 1000
    max_errors: Limit = 10
    max_idle_commands: Limit = 50
    command_timeout_seconds: Limit = 60
    message_timeout_seconds: Limit = 120
    session_timeout_seconds: Limit = 1200
    trusted_relays: tuple[Network, ...] = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))
    tls_certificate: str = ""
    tls_key: str = ""


class Relay(Section):
    """Where answers leave."""

    url: RelayUrl = "maildir:outgoing"
    password_file: str = ""
    envelope_sender: OptionalMailbox = ""
    bounce_address: OptionalMailbox = ""
    connections: Annotated[Count, Field(le=_MOST_CONNECTIONS)] = 4
    timeout_seconds: Seconds = 120
    retry_seconds: Annotated[tuple[Pause, ...], Field(min_length=1)] = (300, 900, 1800, 3600, 7200, 14_400)
    give_up_after_hours: Hours = 48


class Reply(Section):
    """What is answered, to whom and how often."""

    from_: Annotated[FromMailbox, Field(alias="from")] = "Mail delivery help <bypass@example.com>"
    guides: tuple[Key, ...] = ("exchange-2007", "exchange-2003-2000", "exchange-5.5", "generic")
    html: bool = True
    quote_subject: bool = False
    sender_evidence: Literal["none", "not-forged", "plea", "proven"] = "not-forged"
    window_hours: Hours = 24
    max_per_sender_per_week: Limit = 3
    max_per_network_per_hour: Limit = 60
    max_per_domain_per_hour: Limit = 120
    max_per_minute: Limit = 120
    drop_waiting_after_hours: Hours = 24
    default_locale: Locale = "en"

    @property
    def from_name(self) -> str:
        """The display name of From; may be empty."""
        return parseaddr(self.from_)[0]

    @property
    def from_address(self) -> str:
        """The address of From."""
        return parseaddr(self.from_)[1]


class Evidence(Section):
    """Whether facts about the sender are gathered before an answer, and for how long it waits."""

    enabled: bool = True
    deadline_seconds: Seconds = 5


class Dns(Section):
    """Whom to ask about names."""

    nameservers: tuple[Listen, ...] = ()
    timeout_seconds: Seconds = 2


class Blocklist(Section):
    """One list that may name an address as dynamic."""

    name: Annotated[Line, Field(min_length=1)]
    zone: OptionalHost = ""
    zone_file: str = ""
    codes: tuple[ListCode, ...] = ()
    provider: Line = ""
    removal: OptionalWebUrl = ""
    contact: Line = ""

    @model_validator(mode="after")
    def _has_one_source(self) -> "Blocklist":
        if bool(self.zone) == bool(self.zone_file):
            raise ValueError("needs either zone or zone_file")
        return self


SPAMHAUS_PBL = Blocklist(
    name="Spamhaus PBL",
    zone="pbl.spamhaus.org",
    codes=("127.0.0.10", "127.0.0.11"),
    provider="Spamhaus",
    removal="https://check.spamhaus.org/",
)


class Review(Section):
    """How wide and how long exemptions may be, and when requests are due."""

    auto_approve: Literal["never", "static-and-proven"] = "never"
    exemption_days: Annotated[Days, Field(ge=1)] = 365
    max_prefix_v4: Annotated[Count, Field(ge=_SMALLEST_PREFIX_V4, le=32)] = 29
    max_prefix_v6: Annotated[Count, Field(ge=_SMALLEST_PREFIX_V6, le=128)] = 64
    admin_max_prefix_v4: Annotated[Count, Field(ge=_SMALLEST_PREFIX_V4, le=32)] = 24
    admin_max_prefix_v6: Annotated[Count, Field(ge=_SMALLEST_PREFIX_V6, le=128)] = 48
    allow_networks: tuple[Network, ...] = ()
    undo_seconds: Limit = 120
    overdue_after_days: Days = 3
    lapse_after_days: Days = 30


class Staff(Section):
    """Who hears about the queue and about trouble."""

    notify: tuple[Mailbox, ...] = ()
    digest: DailyTime = "08:00"
    webhook: OptionalWebUrl = ""


class Policy(Section):
    """The face that Postfix asks."""

    listen: tuple[Listen, ...] = (Endpoint("127.0.0.1", 10_040),)
    own_networks: tuple[Network, ...] = ()
    dynamic_networks: tuple[Network, ...] = ()
    dynamic_names: tuple[NamePattern, ...] = ()
    bypass_action: Annotated[Line, Field(min_length=1)] = "DUNNO"
    remember_refusals_days: Days = 30


class Web(Section):
    """The face for staff."""

    listen: tuple[Listen, ...] = (Endpoint("127.0.0.1", 8025),)
    base_url: OptionalWebUrl = ""
    trusted_proxies: tuple[Network, ...] = ()
    user_header: FieldName = ""


ExportFormat = Literal["postfix-cidr", "postscreen", "rbldnsd", "rspamd", "exim", "sendmail", "exchange", "csv", "json"]


class Export(Section):
    """Files of exemptions for other programs."""

    directory: str = ""
    formats: tuple[ExportFormat, ...] = ()
    every_seconds: Count = 30
    max_shrink_percent: Annotated[Limit, Field(le=100)] = 50


class Log(Section):
    """The log on standard error."""

    format: Literal["text", "json"] = "text"


class Retention(Section):
    """How long what people wrote is kept."""

    raw_days: Days = 180


class Settings(Section):
    """All settings; relative paths in them lie under `data_dir`."""

    data_dir: Annotated[str, Field(min_length=1)] = "var"
    organization: Organization = Organization()
    database: Database = Database()
    smtp: Smtp = Smtp()
    relay: Relay = Relay()
    reply: Reply = Reply()
    evidence: Evidence = Evidence()
    dns: Dns = Dns()
    blocklists: tuple[Blocklist, ...] = (SPAMHAUS_PBL,)
    review: Review = Review()
    staff: Staff = Staff()
    policy: Policy = Policy()
    web: Web = Web()
    export: Export = Export()
    log: Log = Log()
    retention: Retention = Retention()

    def under_data_dir(self, path: str) -> Path:
        """Give `path` as an absolute path; a relative one lies under `data_dir`."""
        return (Path(self.data_dir) / path).absolute()

    @property
    def database_url(self) -> str:
        """The database's URL; without one a SQLite file in `data_dir`, where a relative SQLite path lies too."""
        prefix, separator, path = (self.database.url or "sqlite:///responder.db").partition("sqlite:///")
        if prefix or not separator:
            return self.database.url
        name, question, query = path.partition("?")
        return f"sqlite:///{self.under_data_dir(name)}{question}{query}"
