"""A PostgreSQL server of its own for a test: in a temporary folder, on a socket, run by a user who is not root."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

_LANGUAGE = ("--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US")
_FOLDERS = ("/usr/lib/postgresql/17/bin", "/usr/lib/postgresql/16/bin", "/usr/lib/postgresql/15/bin", "/usr/local/bin")


def programs():
    """The folder of initdb and pg_ctl; None when there is none."""
    found = shutil.which("initdb")
    places = [Path(found).resolve().parent] if found else []
    places += [Path(folder) for folder in _FOLDERS]
    return next((place for place in places if (place / "initdb").exists() and (place / "pg_ctl").exists()), None)


def _user():
    """Whom to run the server as: PostgreSQL refuses to run as root."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return None
    return pwd.getpwnam("nobody")


def _run(command, user):
    extra = {} if user is None else {"user": user.pw_uid, "group": user.pw_gid}
    return subprocess.run(command, check=True, capture_output=True, timeout=120, cwd="/", **extra)


@contextmanager
def server():
    """Start a server and give its host (the folder of its socket); stop it in the end.

    Its text sorts by language, and its clock is not UTC: neither may change a number.
    """
    place, user = programs(), _user()
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    if user is not None:
        os.chown(folder, user.pw_uid, user.pw_gid)
    data, log = folder / "data", folder / "log"
    try:
        _run([place / "initdb", "-D", data, "-U", "tester", "-A", "trust", "-E", "UTF8", *_LANGUAGE], user)
        options = f"-k {folder} -c listen_addresses='' -c fsync=off -c timezone=America/New_York"
        _run([place / "pg_ctl", "-D", data, "-l", log, "-w", "-o", options, "start"], user)
        try:
            yield str(folder)
        finally:
            _run([place / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop"], user)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
