"""A list in a file: read at the start, read again when it was replaced, kept when it cannot be read."""

from ipaddress import ip_address

import pytest

from responder.services.zone_file import ZoneFile

IP = ip_address("203.0.113.9")


def test_a_file_that_was_replaced_is_read_again(tmp_path):
    path = tmp_path / "zone"
    path.write_text("203.0.113.0/24\n")
    zone = ZoneFile(path)
    assert zone.entry_of(IP)
    (tmp_path / "new").write_text("203.0.114.0/24\n")
    (tmp_path / "new").rename(path)
    zone.refresh()
    assert zone.entry_of(IP) is None


def test_a_file_that_is_gone_leaves_what_was_known(tmp_path):
    path = tmp_path / "zone"
    path.write_text("203.0.113.0/24\n")
    zone = ZoneFile(path)
    path.unlink()
    zone.refresh()
    assert zone.entry_of(IP)


def test_without_a_file_there_is_no_list(tmp_path):
    with pytest.raises(FileNotFoundError):
        ZoneFile(tmp_path / "zone")


def test_bytes_of_any_kind_do_no_harm(tmp_path):
    path = tmp_path / "zone"
    path.write_bytes(b"\xff\xfe\x00\n203.0.113.9 :10:caf\xe9\n")
    assert ZoneFile(path).entry_of(IP)[0] == "127.0.0.10"
