"""Object code on disk, so that the next process need not make it again.

An object is kept under a digest of all that it depends on: the text, the target and LLVM's version. It is written to a
file of another name first, which then takes the place: two processes may write at once, and nobody reads half a file.
Each file carries a code of its contents, made with a secret that only this user can read; one that does not fit, of a
broken disk or somebody's hand, is made again. The directory has to be the user's own.

`CHAINRULE_CACHE` names another directory, or is `off`. Where anything does not work, there is no cache, and no error.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
import stat
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

MOST = 256 << 20
"""Bytes that are kept; beyond, those that have not been used for longest go."""

EVERY = 32
"""Writes between looking at how much there is."""

CODE = hashlib.sha256().digest_size
SECRET = "secret"


class Cache:
    """Objects in a directory.

    Parameters
    ----------
    place : Path
        It is made if it is not there.
    most : int
        Bytes that are kept.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as place:
    ...     cache = Cache(Path(place) / "objects")
    ...     made = [cache.get(b"key", lambda: b"code") for _ in range(2)]
    ...     made, cache.found, len(list((Path(place) / "objects").glob("*.o")))
    ([b'code', b'code'], 1, 1)
    """

    def __init__(self, place: Path, most: int = MOST):
        self.place, self.most = place, most
        self.found = 0
        """how often something was there"""
        self._written = 0
        self._secret: bytes | None = None

    def get(self, key: bytes, make: Callable[[], bytes]) -> bytes:
        """What has been kept under `key`, or what `make()` gives, which is kept then."""
        path = self.place / f"{hashlib.sha256(key).hexdigest()}.o"
        kept = self._read(path, key)
        if kept is not None:
            self.found += 1
            return kept
        made = make()
        self._write(path, key, made)
        return made

    def _read(self, path: Path, key: bytes) -> bytes | None:
        try:
            if not self.is_own():
                return None
            data = path.read_bytes()
            if not hmac.compare_digest(data[:CODE], self._code(key, data[CODE:])):
                return None
            with contextlib.suppress(OSError):  # it has been used
                os.utime(path)
        except OSError:
            return None
        return data[CODE:]

    def _write(self, path: Path, key: bytes, made: bytes) -> None:
        try:
            self.place.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self.is_own():
                replace(path, self._code(key, made) + made)
                if self._written % EVERY == 0:
                    self.shrink()
                self._written += 1
        except OSError:  # no room, or not allowed
            pass

    def is_own(self) -> bool:
        """Whether nobody but the user can write into the directory."""
        status = os.stat(self.place)
        if sys.platform == "win32":  # where a user's folder is closed to others
            return True
        return status.st_uid == os.getuid() and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)

    def _code(self, key: bytes, data: bytes) -> bytes:
        """What is added to data to tell whether it is as it was written, and under this key."""
        if self._secret is None:
            path = self.place / SECRET
            if not path.exists():
                with contextlib.suppress(FileExistsError):  # the first of two processes makes it
                    replace(path, secrets.token_bytes(CODE), over=False)
            self._secret = path.read_bytes()
        return hmac.digest(self._secret, hashlib.sha256(key).digest() + data, "sha256")

    def shrink(self) -> None:
        """Removes what has not been used for longest, where there is too much, down to three quarters."""
        files = []
        for entry in os.scandir(self.place):
            if entry.name != SECRET:
                with contextlib.suppress(OSError):  # another process has removed it
                    status = entry.stat()
                    files.append((status.st_mtime, status.st_size, entry.path))
        total = sum(size for _, size, _ in files)
        if total <= self.most:
            return
        for _, size, path in sorted(files):
            with contextlib.suppress(OSError):
                os.unlink(path)
            total -= size
            if total <= 0.75 * self.most:
                break


def replace(path: Path, data: bytes, over: bool = True) -> None:
    """Writes a file whole, or not at all; `over`: also in the place of one that is there."""
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=".new")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        if over:
            os.replace(name, path)
        else:
            os.link(name, path)
    finally:
        with contextlib.suppress(OSError):
            os.unlink(name)


def default_place() -> Path | None:
    """Where objects are kept: None for nowhere."""
    named = os.environ.get("CHAINRULE_CACHE")
    if named is not None:
        return None if named.lower() in ("", "0", "off", "no") else Path(named)
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA")
        return Path(base) / "chainrule" / "cache" if base else None
    with contextlib.suppress(RuntimeError):  # a user without a home
        if sys.platform == "darwin":
            return Path.home() / "Library" / "Caches" / "chainrule"
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "chainrule"
    return None
