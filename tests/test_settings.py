"""Settings: where they come from, what is refused and how, and that the documentation lists them all."""

import json
import re
import tomllib
from pathlib import Path

import pytest

from responder.app.reloading import CHANGEABLE
from responder.settings import Loaded, SettingsError, load
from responder.settings.effective import plain, value_of
from responder.settings.model import SPAMHAUS_PBL, Settings
from responder.settings.sources import leaves, variable_of

DOCUMENTATION = Path(__file__).parents[1] / "docs" / "settings.md"


def loaded(tmp_path: Path, text: str = "", **environ: str) -> Loaded:
    file = tmp_path / "responder.toml"
    file.write_text(text)
    return load(file, environ)


def problems(tmp_path: Path, text: str = "", **environ: str) -> dict[str, str]:
    with pytest.raises(SettingsError) as caught:
        loaded(tmp_path, text, **environ)
    return {problem.key: problem.text for problem in caught.value.problems}


def documented() -> dict[str, object]:
    rows = re.findall(r"^\| `([^`]+)` \| `([^`]+)` \| \S", DOCUMENTATION.read_text(), re.MULTILINE)
    return {key: tomllib.loads(f"value = {default}")["value"] for key, default in rows}


def test_documentation_lists_every_setting_with_its_default() -> None:
    defaults = Settings()
    expected = {key: plain(value_of(defaults, key)) for key, _ in leaves() if key != "blocklists"}
    expected |= {f"blocklists.{name}": value for name, value in plain(SPAMHAUS_PBL).items()}
    assert documented() == expected


def test_documentation_lists_what_a_running_service_takes_over() -> None:
    _, _, section = DOCUMENTATION.read_text().partition("\n## What a running service takes over\n")
    assert set(re.findall(r"`([a-z_]+\.[a-z0-9_]+|blocklists)`", section)) == CHANGEABLE


def test_defaults_need_neither_file_nor_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load(None, {}).settings == Settings()


@pytest.mark.parametrize("key", [key for key, _ in leaves()])
def test_every_setting_can_be_given_as_a_variable(tmp_path: Path, key: str) -> None:
    default = plain(value_of(Settings(), key))
    text = default if isinstance(default, str) else json.dumps(default)
    result = loaded(tmp_path, **{variable_of(key): text})
    assert plain(value_of(result.settings, key)) == default
    assert result.tree.origin(key) == variable_of(key)


def test_variable_wins_over_file_and_both_are_named(tmp_path: Path) -> None:
    result = loaded(tmp_path, "[smtp]\nmax_errors = 3\nmax_recipients = 7\n", RESPONDER_SMTP__MAX_ERRORS="5")
    origins = {setting.key: (setting.value, setting.origin) for setting in result.effective()}
    assert origins["smtp.max_errors"] == (5, "RESPONDER_SMTP__MAX_ERRORS")
    assert origins["smtp.max_recipients"] == (7, str(tmp_path / "responder.toml"))
    assert origins["smtp.listen"] == (["127.0.0.1:2525"], "default")


@pytest.mark.parametrize("text", ["127.0.0.1:25, [::1]:25", '["127.0.0.1:25", "[::1]:25"]'])
def test_lists_in_variables_are_json_or_separated_by_commas(tmp_path: Path, text: str) -> None:
    listen = loaded(tmp_path, RESPONDER_SMTP__LISTEN=text).settings.smtp.listen
    assert [str(endpoint) for endpoint in listen] == ["127.0.0.1:25", "[::1]:25"]


def test_a_variable_may_hold_tables_as_json(tmp_path: Path) -> None:
    lists = loaded(tmp_path, RESPONDER_BLOCKLISTS='[{"name": "own", "zone": "l.example"}]').settings.blocklists
    assert [(item.name, item.zone) for item in lists] == [("own", "l.example")]


def test_file_is_looked_for_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("responder", "variable", "option"):
        Path(f"{name}.toml").write_text(f'data_dir = "{name}"\n')
    assert load(None, {}).settings.data_dir == "responder"
    assert load(None, {"RESPONDER_CONFIG": "variable.toml"}).settings.data_dir == "variable"
    assert load(Path("option.toml"), {"RESPONDER_CONFIG": "variable.toml"}).settings.data_dir == "option"


@pytest.mark.parametrize(
    ("content", "complaint"),
    [(None, "No such file"), (b"[smtp", "is not TOML"), (b'data_dir = "\xff"', "not UTF-8")],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None, complaint: str) -> None:
    file = tmp_path / "x.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingsError, match=complaint) as caught:
        load(file, {})
    assert [problem.origin for problem in caught.value.problems] == [str(file)]


def test_everything_wrong_is_told_at_once(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        """
        colour = 1
        [smtp]
        lisen = []
        listen = ["127.0.0.1", "::1:25", "[::1]:25"]
        tls_key = "key.pem"
        max_errors = -1
        [blocklist]
        name = "x"
        [log]
        format = "xml"
        """,
        RESPONDER_SMTP__MAX_RECIPIENTS="many",
        RESPONDER_SMPT__LISTEN="x",
    )
    assert found["colour"].startswith("is no setting; here stand data_dir")
    assert found["smtp.lisen"] == "is no setting; did you mean listen?"
    assert found["blocklist"] == "is no setting; did you mean blocklists?"
    assert "HOST:PORT" in found["smtp.listen[0]"]
    assert "brackets" in found["smtp.listen[1]"]
    assert found["smtp.max_errors"] == "must be 0 or more"
    assert found["smtp.max_recipients"] == "must be a whole number"
    assert found["smtp.tls_certificate"] == "must name the certificate of smtp.tls_key"
    assert found["log.format"] == "must be one of 'text' or 'json'"
    assert found["RESPONDER_SMPT__LISTEN"] == "is no setting; did you mean RESPONDER_SMTP__LISTEN?"
    assert len(found) == 10


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("data_dir", ""),
        ("organization.postmaster", "postmaster"),
        ("organization.website", "example.com"),
        ("database.url", "postgresql://localhost/x"),
        ("database.url", "mysql://localhost/x"),
        ("database.url", "sqlite:///:memory:"),
        ("database.url", "sqlite://"),
        ("smtp.bypass_addresses", []),
        ("smtp.bypass_addresses", ["bypass@example.com\r\nRCPT TO:<x@example.net>"]),
        ("smtp.bypass_addresses", ["postmaster@example.com"]),
        ("smtp.listen", ["127.0.0.1:65536"]),
        ("smtp.listen", ["127.0.0.1:25", "127.0.0.1:25"]),
        ("smtp.listen", "127.0.0.1:25"),
        ("smtp.trusted_relays", ["10.0.0.1/8"]),
        ("smtp.max_errors", True),
        ("smtp.max_errors", 1.5),
        ("smtp.keep_bytes", 0),
        ("smtp.keep_bytes", 26_214_401),
        ("smtp.plus_addressing", "perhaps"),
        ("smtp.tls_certificate", "certificate.pem"),
        ("relay.url", "smtp://user:password@relay.example"),
        ("relay.url", "smtp://user@relay.example"),
        ("relay.url", "smtp://"),
        ("relay.url", "smtp://relay.example:port"),
        ("relay.url", "smtp://relay.example:0"),
        ("relay.url", "smtp://relay.example/x"),
        ("relay.url", "lmtp://relay.example"),
        ("relay.url", "maildir:"),
        ("relay.url", "sendmail://usr/sbin/sendmail"),
        ("relay.url", "sendmail:sendmail"),
        ("relay.password_file", "password"),
        ("relay.envelope_sender", "bypass@example.com"),
        ("relay.retry_seconds", []),
        ("relay.retry_seconds", [0]),
        ("relay.connections", 0),
        ("relay.timeout_seconds", 0),
        ("reply.from", "someone@example.com"),
        ("reply.from", "a <bypass@example.com>, b <bypass@example.com>"),
        ("reply.from", "x\r\nBcc: y@example.net <bypass@example.com>"),
        ("reply.guides", ["../exchange"]),
        ("reply.sender_evidence", "maybe"),
        ("review.max_prefix_v4", 0),
        ("review.admin_max_prefix_v4", 30),
        ("staff.digest", "24:00"),
        ("policy.dynamic_names", ["("]),
        ("web.listen", ["127.0.0.1:2525"]),
        ("export.formats", ["csv"]),
        ("export.formats", ["xls"]),
        ("blocklists", [{"name": "one"}]),
        ("blocklists", [{"name": "one", "zone": "x", "zone_file": "y"}]),
        ("blocklists", [{"name": "one", "zone": "a b"}]),
        ("blocklists", [{"name": "one", "zone": "x", "codes": ["1"]}]),
        ("blocklists", [{"name": "one", "zone": "x", "codes": ["192.0.2.1"]}]),
        ("blocklists", [{"name": "one", "zone": "x"}, {"name": "one", "zone": "y"}]),
    ],
)
def test_an_unusable_value_is_refused_with_its_key(tmp_path: Path, key: str, value: object) -> None:
    if key == "blocklists":
        found = problems(tmp_path, RESPONDER_BLOCKLISTS=json.dumps(value))
    else:
        found = problems(tmp_path, f"{key} = {json.dumps(value)}\n")
    assert len(found) == 1
    (complained,) = found
    assert complained.partition("[")[0] in {key, "relay.password_file", "relay.url", "smtp.tls_key", "export.directory"}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("smtp.max_errors", 10**30),
        ("relay.connections", 100_000),
        ("relay.retry_seconds", [10**15]),
        ("relay.give_up_after_hours", 10**8),
        ("reply.window_hours", 10**8),
        ("reply.max_per_minute", 10**30),
        ("review.exemption_days", 10**8),
        ("retention.raw_days", 10**8),
    ],
)
def test_a_number_with_which_the_service_could_not_work_is_refused(
    tmp_path: Path, key: str, value: int | list[int]
) -> None:
    ((complained, text),) = problems(tmp_path, f"{key} = {json.dumps(value)}\n").items()
    assert complained.partition("[")[0] == key
    assert re.fullmatch(r"must be \d+ or less", text)


def test_a_service_listens_somewhere(tmp_path: Path) -> None:
    assert problems(tmp_path, RESPONDER_SMTP__LISTEN="") == {"smtp.listen": "must not be empty"}


def test_a_password_for_a_folder_is_told_with_the_key_to_mend(tmp_path: Path) -> None:
    assert set(problems(tmp_path, '[relay]\nurl = "maildir:x"\npassword_file = "y"\n')) == {"relay.password_file"}


def test_from_and_postmaster_follow_what_was_set(tmp_path: Path) -> None:
    text = '[organization]\ndomain = "x.example"\n[smtp]\nbypass_addresses = ["help@x.example"]\n'
    settings = loaded(tmp_path, text).settings
    assert settings.reply.from_address == "help@x.example"
    assert settings.organization.postmaster == "postmaster@x.example"


def test_contradictions_of_faulty_settings_are_not_told(tmp_path: Path) -> None:
    assert set(problems(tmp_path, '[smtp]\nbypass_addresses = ["x"]\n[reply]\nfrom = "help@x.example"\n')) == {
        "smtp.bypass_addresses[0]"
    }


def test_secrets_are_not_shown(tmp_path: Path) -> None:
    result = loaded(
        tmp_path,
        RESPONDER_DATABASE__URL="postgresql+psycopg://me:s3cret@db.example/x?password=s3cret",
        RESPONDER_STAFF__WEBHOOK="https://hooks.example/s3cret",
        RESPONDER_BLOCKLISTS='[{"name": "own", "zone": "s3cret.l.example"}]',
    )
    assert "s3cret" not in repr(list(result.effective()))


def test_relative_paths_lie_under_the_data_folder(tmp_path: Path) -> None:
    settings = loaded(tmp_path, f'data_dir = "{tmp_path}"\ndatabase.url = "sqlite:///a/b.db"\n').settings
    assert settings.database_url == f"sqlite:///{tmp_path}/a/b.db"
    assert settings.under_data_dir("outgoing") == tmp_path / "outgoing"
    assert settings.under_data_dir("/elsewhere") == Path("/elsewhere")
    assert loaded(tmp_path, f'data_dir = "{tmp_path}"').settings.database_url == f"sqlite:///{tmp_path}/responder.db"


def test_files_that_cannot_be_read_are_problems(tmp_path: Path) -> None:
    text = f'data_dir = "{tmp_path}"\n[relay]\nurl = "smtps://me@relay.example"\npassword_file = "password"\n'
    assert [problem.key for problem in loaded(tmp_path, text).missing_files()] == ["relay.password_file"]
    (tmp_path / "password").write_text("x")
    assert loaded(tmp_path, text).missing_files() == []
