import os
import subprocess

from responder.services.instance import is_dead, make_instance


def _renumbered(instance: str, number: int) -> str:
    host, namespace, _, _ = instance.rsplit("/", 3)
    return f"{host}/{namespace}/{number}/0"


def test_names_differ_and_tell_host_and_process():
    first, second = make_instance("mx/1.example.com"), make_instance("mx/1.example.com")
    assert first != second
    assert first.startswith("mx/1.example.com/")
    assert first.rsplit("/", 2)[1] == str(os.getpid())


def test_an_ended_process_of_this_machine_is_dead():
    own = make_instance("mx")
    with subprocess.Popen(["sleep", "1000"]) as process:
        assert not is_dead(_renumbered(own, process.pid), own)
        process.kill()
    assert is_dead(_renumbered(own, process.pid), own)


def test_who_had_our_process_id_is_dead_and_we_are_not():
    own = make_instance("mx")
    assert is_dead(_renumbered(own, os.getpid()), own)
    assert not is_dead(own, own)


def test_nothing_is_known_of_other_machines_containers_and_names():
    own = make_instance("mx")
    _, namespace, _, _ = own.rsplit("/", 3)
    for other in (f"other/{namespace}/999999/0", "mx/1/999999/0", "mx//999999/0", "mx", "", "a/b/c/d"):
        assert not is_dead(other, own)
