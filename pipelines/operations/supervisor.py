"""The supervisor of the services (supervisord): its configuration, its start, and what it says of each service.

It restarts what ends, each time a second later while a service does not stay up, and keeps their logs short. It
listens on a socket in the file system that its owner alone may use. Source: http://supervisord.org, version 4.3.
"""

import contextlib
import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import xmlrpc.client
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from components.errors import UserError
from pipelines.engine import processes
from pipelines.operations.services import SERVICES, folder
from pipelines.settings import Settings

WATCHDOG = "watchdog"
LOG_BYTES, LOG_BACKUPS = 4_000_000, 2  # of each service: at most 12 MB
STAYED = 10  # seconds that a service must live to count as started
GRACE = 15  # seconds between being asked to stop and being made to
RETRIES = 1_000_000  # the delay grows by a second each time: never give up
SOCKET_BYTES = 90  # an address of 107 bytes at most, with room for the suffix of a temporary name

CONFIG = """\
[supervisord]
nodaemon = true
silent = true
identifier = selfsup
directory = {cwd}
umask = 077
logfile = {logs}/supervisor.log
logfile_maxbytes = {bytes}
logfile_backups = {backups}
pidfile = {place}/supervisor.pid
childlogdir = {logs}

[unix_http_server]
file = {socket}
chmod = 0600

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[eventlistener:{watchdog}]
command = {python} -m pipelines.operations.watchdog
events = PROCESS_STATE_EXITED,PROCESS_STATE_BACKOFF,SUPERVISOR_STATE_CHANGE_STOPPING,TICK_60
buffer_size = 1000
stderr_logfile = {logs}/{watchdog}.log
stderr_logfile_maxbytes = {bytes}
stderr_logfile_backups = {backups}
autorestart = true
startretries = {retries}
"""
PROGRAM = """
[program:{name}]
command = {python} -m pipelines.operations.services {name}
autorestart = true
startsecs = {stayed}
startretries = {retries}
stopsignal = INT
stopwaitsecs = {grace}
stopasgroup = true
killasgroup = true
redirect_stderr = true
stdout_logfile = {logs}/{name}.log
stdout_logfile_maxbytes = {bytes}
stdout_logfile_backups = {backups}
"""


class State(NamedTuple):
    """What the supervisor says of a service. name: STARTING, RUNNING, BACKOFF ...; since: unix time; pid: 0: none."""

    name: str
    since: float
    pid: int
    said: str


def socket_of(settings: Settings) -> Path:
    """Below the home, or where that path is too long for a socket in the folder for temporary files.

    Raises:
        UserError: that folder belongs to somebody else.
    """
    place = folder(settings) / "supervisor.sock"
    if len(os.fsencode(place)) <= SOCKET_BYTES:
        return place
    shared = Path(tempfile.gettempdir()) / f"selfsup-{os.getuid()}"
    shared.mkdir(mode=0o700, exist_ok=True)
    owner = shared.lstat()
    if owner.st_uid != os.getuid() or owner.st_mode & 0o077:
        raise UserError(
            "folder-not-private",
            f"{shared} must belong to you alone (mode 0700), it has owner {owner.st_uid} and mode "
            f"{owner.st_mode & 0o777:o}: remove it, or choose a shorter SELFSUP_HOME",
        )
    return shared / f"{hashlib.sha256(os.fsencode(settings.home)).hexdigest()[:16]}.sock"


def config(settings: Settings) -> str:
    """The text of supervisord.conf for this home."""

    def plain(path: Path | str) -> str:
        return str(path).replace("%", "%%")

    given = {
        "place": plain(folder(settings)), "logs": plain(settings.home / "logs"), "cwd": plain(Path.cwd()),
        "socket": plain(socket_of(settings)), "python": f'"{plain(sys.executable)}"', "bytes": LOG_BYTES,
        "backups": LOG_BACKUPS, "retries": RETRIES, "stayed": STAYED, "grace": GRACE, "watchdog": WATCHDOG,
    }  # fmt: skip
    return CONFIG.format(**given) + "".join(PROGRAM.format(name=name, **given) for name in SERVICES)


def command(settings: Settings) -> list[str]:
    """That runs the supervisor on the configuration as it was written last."""
    file = folder(settings) / "supervisord.conf"
    return [sys.executable, "-m", "supervisor.supervisord", "-c", str(file)]


def start(settings: Settings) -> None:
    """Write the configuration and start the supervisor, in a session of its own; it lives on after this process."""
    (settings.home / "logs").mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder(settings) / "supervisord.conf").write_text(config(settings))
    subprocess.Popen(
        command(settings), env=processes.child_environ(settings), stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip


def process(settings: Settings) -> psutil.Process | None:
    """The supervisor of this home, None where there is none."""
    try:
        found = psutil.Process(int((folder(settings) / "supervisor.pid").read_text()))
        ours = str(folder(settings) / "supervisord.conf") in found.cmdline()
        return found if ours and found.status() != psutil.STATUS_ZOMBIE else None
    except (OSError, ValueError, psutil.Error):
        return None


@contextlib.contextmanager
def proxy(settings: Settings) -> Iterator[Any]:
    """The supervisor's own interface: http://supervisord.org/api.html."""
    from supervisor.xmlrpc import SupervisorTransport

    transport = SupervisorTransport(None, None, serverurl=f"unix://{socket_of(settings)}")
    with xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport) as server:
        yield server.supervisor


def states(settings: Settings) -> dict[str, State]:
    """Service -> its state, the watchdog's too; none where no supervisor answers."""
    try:
        with proxy(settings) as supervisor:
            told: list[dict[str, Any]] = supervisor.getAllProcessInfo()
    except (OSError, xmlrpc.client.Error):
        return {}
    return {
        one["name"]: State(one["statename"], float(one["start"]), int(one["pid"]), one["description"])
        for one in told
    }


def start_service(settings: Settings, name: str) -> None:
    """Start one that is not running; at once, whatever the back-off."""
    try:
        with proxy(settings) as supervisor:
            supervisor.startProcess(name, False)
    except xmlrpc.client.Fault as fault:
        if "ALREADY_STARTED" not in fault.faultString:
            raise UserError(
                "service-failed",
                f"{name} cannot be started ({fault.faultString}); `make down`, then `make up`",
            ) from None


def restart_service(settings: Settings, name: str) -> None:
    """Stop and start one that does not answer any more."""
    with proxy(settings) as supervisor:
        try:
            supervisor.stopProcess(name)
        except xmlrpc.client.Fault as fault:
            if "NOT_RUNNING" not in fault.faultString:
                raise
        supervisor.startProcess(name, False)


def stop(settings: Settings) -> None:
    """End the supervisor with all services, these at the same time; returns when it is gone, or made it go."""
    found = process(settings)
    if found is None:
        return
    with contextlib.suppress(OSError, xmlrpc.client.Error), proxy(settings) as supervisor:
        supervisor.stopAllProcesses(False)  # by itself it ends one after the other
    processes.tell(found, signal.SIGTERM)
    try:
        found.wait(2 * GRACE)
    except psutil.TimeoutExpired:
        processes.tell(found, signal.SIGKILL)
