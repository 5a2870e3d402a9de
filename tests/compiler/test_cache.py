"""The cache on disk: what is kept is found again, and whatever has happened to it, the answer is right."""

import os
import subprocess
import sys
import textwrap

import pytest

from chainrule.compiler import cache, native
from chainrule.compiler.cache import CODE, SECRET, Cache
from chainrule.compiler.target import baseline, host

PROGRAM = """
import numpy as np
import chainrule as cr
from chainrule.compiler import native

def f(x):
    for _ in range(50):
        x = np.sin(x) + 0.1
    return np.sum(x)

x = np.linspace(0, 1, 100)
value, gradient = cr.compile(cr.value_and_grad(f))(x)
expected = cr.value_and_grad(f)(x)
assert np.allclose(value, expected[0], rtol=1e-13) and np.allclose(gradient, expected[1], rtol=1e-13)
kept = native._cache()
print(kept.found if kept else None)
"""


def run(place, program=PROGRAM, **options):
    """What a process prints that uses this directory."""
    environment = os.environ | {"CHAINRULE_CACHE": str(place), "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", textwrap.dedent(program)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def printed(process):
    out, err = process.communicate()
    assert process.returncode == 0, err
    assert not err
    return out.strip()


def objects(place):
    return sorted(place.glob("*.o"))


@pytest.fixture
def place(tmp_path):
    return tmp_path / "objects"


def test_the_second_process_makes_nothing(place):
    assert printed(run(place)) == "0"
    made = {path: path.read_bytes() for path in objects(place)}
    assert made
    assert printed(run(place)) == str(len(made))
    assert {path: path.read_bytes() for path in objects(place)} == made


def test_processes_may_write_at_once(place):
    assert {printed(p) for p in [run(place) for _ in range(3)]} <= {str(n) for n in range(10)}
    assert printed(run(place)) == str(len(objects(place)))
    assert not list(place.glob("*.new"))


DAMAGES = {
    "cut short": lambda data: data[: len(data) // 2],
    "empty": lambda data: b"",
    "a bit": lambda data: data[:-9] + bytes([data[-9] ^ 1]) + data[-8:],
    "the code of its contents": lambda data: bytes([data[0] ^ 1]) + data[1:],
    "longer": lambda data: data + b"x",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_broken_file_is_made_again(place, damage):
    kept = Cache(place)
    assert kept.get(b"key", lambda: b"some code, long enough") == b"some code, long enough"
    (path,) = objects(place)
    good = path.read_bytes()
    path.write_bytes(DAMAGES[damage](good))
    assert Cache(place).get(b"key", lambda: b"some code, long enough") == b"some code, long enough"
    assert path.read_bytes() == good


def test_a_broken_file_in_a_real_program(place):
    printed(run(place))
    for path in objects(place):
        path.write_bytes(path.read_bytes()[:100])
    assert printed(run(place)) == "0"
    assert printed(run(place)) == str(len(objects(place)))


def test_a_file_under_another_name_is_not_taken(place):
    kept = Cache(place)
    kept.get(b"for this machine", lambda: b"one")
    (path,) = objects(place)
    kept.get(b"for another machine", lambda: b"two")
    (other,) = set(objects(place)) - {path}
    path.write_bytes(other.read_bytes())
    assert Cache(place).get(b"for this machine", lambda: b"one") == b"one"


def test_machines_and_levels_have_objects_of_their_own(monkeypatch, place):
    kept = Cache(place)
    monkeypatch.setattr(native, "_cache", lambda: kept)
    text = "define i32 @f() {\n  ret i32 7\n}\n"
    codes = [
        native.object_code(text, target, level)
        for target in (host(), baseline("x86_64-unknown-linux-gnu"), baseline("aarch64-unknown-linux-gnu"))
        for level in (0, 2)
    ]
    assert kept.found == 0
    assert len(objects(place)) == len(codes)
    assert native.object_code(text, host(), 0) == codes[0]
    assert kept.found == 1


def test_somebody_elses_secret_does_not_fit(place):
    Cache(place).get(b"key", lambda: b"code")
    (place / SECRET).write_bytes(bytes(CODE))
    made = []
    assert Cache(place).get(b"key", lambda: made.append(1) or b"code") == b"code"
    assert made


@pytest.mark.skipif(sys.platform == "win32", reason="folders of users are closed to others")
def test_a_directory_that_others_can_write_into_is_not_used(place):
    place.mkdir()
    place.chmod(0o777)
    kept = Cache(place)
    assert [kept.get(b"key", lambda: b"code") for _ in range(2)] == [b"code"] * 2
    assert kept.found == 0
    assert not list(place.iterdir())


@pytest.mark.skipif(sys.platform == "win32", reason="has no such modes")
def test_what_is_kept_is_for_the_user_alone(place):
    Cache(place).get(b"key", lambda: b"code")
    assert place.stat().st_mode & 0o777 == 0o700
    assert all(path.stat().st_mode & 0o077 == 0 for path in place.iterdir())


def test_where_nothing_can_be_written_nothing_is_kept(tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    assert Cache(file / "objects").get(b"key", lambda: b"code") == b"code"
    assert printed(run(file / "objects")) == "0"


def test_errors_in_making_it_are_not_hidden(place):
    def make():
        raise OSError("LLVM's own")

    with pytest.raises(OSError, match="own"):
        Cache(place).get(b"key", make)


def test_it_stays_below_its_size_and_keeps_what_is_used(place, monkeypatch):
    monkeypatch.setattr(cache, "EVERY", 1)
    kept = Cache(place, most=20_000)
    kept.get(b"used", lambda: bytes(500))
    (first,) = objects(place)
    for k in range(100):
        kept.get(b"used", lambda: bytes(500))
        os.utime(first, (2e9 + k, 2e9 + k))  # the clock of a file system may be coarse
        kept.get(b"%d" % k, lambda: bytes(500))
        assert sum(path.stat().st_size for path in objects(place)) <= 20_000
    assert len(objects(place)) > 20
    found = kept.found
    kept.get(b"used", lambda: bytes(500))
    assert kept.found == found + 1


@pytest.mark.parametrize("off", ["off", "0", "", "no", "OFF"])
def test_it_can_be_turned_off(off, monkeypatch):
    monkeypatch.setenv("CHAINRULE_CACHE", off)
    assert cache.default_place() is None
    assert printed(run(off)) == "None"


def test_the_place_that_is_taken_without_a_word(monkeypatch, tmp_path):
    monkeypatch.delenv("CHAINRULE_CACHE")
    for variable in ("HOME", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(variable, str(tmp_path))
    found = cache.default_place()
    assert tmp_path in found.parents
    assert "chainrule" in found.parts
