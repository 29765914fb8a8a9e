"""Programs that the tests talk to: the system's, or those that `tests/system-packages` unpacked beside it."""

import os
import shutil
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


def find_program(name: str, tree: str) -> tuple[str, dict[str, str]]:
    """Give the path of a program and the environment to run it in; `tree` is its folder under `.tools`."""
    root = PROJECT / ".tools" / tree
    path = shutil.which(name, path=_PATH)
    if path:
        return path, dict(os.environ)
    path = shutil.which(name, path=f"{root / 'usr/sbin'}:{root / 'usr/bin'}")
    assert path, f"{name} is not installed: run sh tests/system-packages"
    folders = (root / "usr/lib", *root.glob("usr/lib/*-linux-gnu"), *root.glob("lib/*-linux-gnu"))
    libraries = [str(each) for each in folders if each.exists()]
    return path, dict(os.environ) | {"LD_LIBRARY_PATH": ":".join(libraries), "PATH": f"{root / 'usr/sbin'}:{_PATH}"}
