"""The one reason for which a test is skipped: it starts what only root can start. `pytest` lists each with it."""

import os
import pwd

import pytest


def _is_root() -> bool:
    """Tell whether this user is root, and not only called so in a container that has no users."""
    return os.geteuid() == 0 and pwd.getpwuid(0).pw_name == "root"


needs_root = pytest.mark.skipif(
    not _is_root(), reason="mail servers, network namespaces and small disks want root: run `make test` as root"
)
