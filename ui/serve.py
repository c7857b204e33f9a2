"""`lockstep ui`: the browser app in a process of its own, ended with the command that started it."""

import ctypes
import ipaddress
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import FrameType

from db import home

APP = Path(__file__).with_name("app.py")
START_TIMEOUT_S = 60.0
END_TIMEOUT_S = 5.0

# one place for how the app looks and behaves; flags win over a config.toml in the user's home or working folder
OPTIONS = {
    "server.headless": "true",
    "server.fileWatcherType": "none",
    "server.runOnSave": "false",
    "server.showEmailPrompt": "false",
    "server.maxUploadSize": "20",
    "browser.gatherUsageStats": "false",
    "logger.level": "warning",
    "client.toolbarMode": "minimal",
    "runner.magicEnabled": "false",
    "theme.light.primaryColor": "#0072B2",
    "theme.dark.primaryColor": "#2287C8",
    "theme.paddingTop": "1.5rem",
    "theme.paddingBottom": "2rem",
    "theme.baseRadius": "0.5rem",
    "theme.headingFontSizes": '["1.9rem", "1.35rem", "1.15rem"]',
    "theme.headingFontWeights": "600",
    "theme.showSidebarBorder": "true",
    "theme.metricValueFontSize": "1.5rem",
}

# without these and the names below, a page elsewhere could drive this server through its visitor's browser: by requests
# of its own, or by letting its name point here (DNS rebinding). A Streamlit that lacks one does not start.
SAFETY = {"server.enableCORS": "true", "server.enableXsrfProtection": "true"}
LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")  # Streamlit takes port and brackets off the Host header


class ServeProblem(Exception):
    """The server cannot start, for a reason that its user can mend."""


def command(host: str, port: int) -> list[str]:
    """The command line of the Streamlit process; what an older Streamlit does not know of the looks is left out."""
    from streamlit.config import get_config_options

    options = {name: value for name, value in OPTIONS.items() if name in get_config_options()}
    options |= SAFETY | {"server.address": host, "server.port": str(port)}
    flags = [f"--{name}={value}" for name, value in options.items()]
    # the option is a list, and takes one name a flag; who opens the server to others decides under which names
    names = dict.fromkeys((*LOCAL_NAMES, host)) if is_loopback(host) else ()
    flags += [f"--server.allowedHosts={name}" for name in names]
    return [sys.executable, "-m", "streamlit", "run", str(APP), *flags]


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that listens there."""
    try:
        addresses = {str(info[4][0]) for info in socket.getaddrinfo(host, None)}
    except OSError:
        return False
    return all(ipaddress.ip_address(address).is_loopback for address in addresses)


def require_free(host: str, port: int) -> None:
    """Raises ServeProblem if nothing can listen there, before anything is started."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port just left is free
        try:
            probe.bind((host, port))
        except (OSError, OverflowError) as problem:
            reason = getattr(problem, "strerror", None) or str(problem)
            raise ServeProblem(
                f"nothing can listen on {host}:{port}: {reason}. Is `lockstep ui` already running there? "
                f"Choose another with --port, for example --port {port + 1 if port < 65535 else 8502}."
            ) from None


def url(host: str, port: int) -> str:
    """What to open in a browser on this machine."""
    return f"http://{'localhost' if host in ('127.0.0.1', '0.0.0.0', '::1', '::') else host}:{port}"


class Server:
    """The Streamlit process. `start` returns when it answers; `end` when it is gone."""

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts the process and waits until it serves. Raises ServeProblem if it ends instead."""
        # its own session: Ctrl-C in the terminal reaches the command alone, which then ends the server in order
        self.process = subprocess.Popen(
            command(self.host, self.port),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env=_environment(),
            cwd="/",  # so that no db.py of the folder it was started from hides ours
            start_new_session=True,
            preexec_fn=_end_with_parent,
        )
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            answers = _healthy(self.host, self.port)
            if self.process.poll() is not None:  # asked last: another program on the port may have answered
                raise ServeProblem(f"the web server ended with code {self.process.returncode} before it served a page")
            if answers:
                return
            if time.monotonic() > deadline:
                self.end()
                raise ServeProblem(f"the web server did not answer within {START_TIMEOUT_S:.0f} s")
            time.sleep(0.1)

    def wait(self) -> int:
        """Blocks until the process ends by itself; its exit code."""
        assert self.process is not None
        return self.process.wait()

    def end(self) -> None:
        """Asks the process to end, insists after a few seconds."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def raise_on_signals() -> None:
    """SIGTERM and SIGHUP become KeyboardInterrupt, so that one `finally` serves every way to end."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)


def _end_with_parent() -> None:
    """Runs in the new process: on Linux it is ended when the command dies, even by SIGKILL."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


def _environment() -> dict[str, str]:
    """The packages beside ui are found even where they are not installed; a relative home stays where it is."""
    path = [str(APP.parent.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path), "LOCKSTEP_HOME": str(home())}


def _healthy(host: str, port: int) -> bool:
    here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    name = f"[{here}]" if ":" in here else here
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # a proxy cannot reach this machine's port
    try:
        with opener.open(f"http://{name}:{port}/_stcore/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
