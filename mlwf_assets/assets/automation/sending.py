"""Brings a message to people: to a command, a webhook, or by email.

Each way raises what its library raises; who sends decides what becomes of that. Secrets are put in at the last moment.
"""

import json
import os
import shlex
import smtplib
import socket
import subprocess
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import unquote, urlsplit

from mlwf_assets.errors import MlwfError
from mlwf_assets.spec.automation import Notify
from mlwf_assets.spec.secrets import resolve_secrets

SMTP = "MLWF_SMTP"
_PLAIN = "smtp://localhost:25"
_LONGEST_S = 20
_PORTS = {"smtp": 25, "smtps": 465}


@dataclass(frozen=True)
class Message:
    """What people are told.

    Attributes:
        kind: 'failure', 'gate refused', 'stale source' or 'new champion'.
        workflow: its name.
        subject: in a line.
        text: all of it.
        at: when, ISO 8601.
    """

    kind: str
    workflow: str
    subject: str
    text: str
    at: str


def ways(notify: Notify | None) -> list[str]:
    """Name the ways in which people want to be told.

    Example:
        >>> ways(Notify(webhook="http://chat.example.com", email="ann@example.com"))
        ['webhook', 'email']
    """
    return [way for way in _WAYS if notify is not None and getattr(notify, way)]


def send(way: str, notify: Notify, message: Message, folder: Path) -> None:
    """Send a message in one way.

    Args:
        way: 'command', 'webhook' or 'email'.
        notify: where to.
        message: the message.
        folder: the workflow's.
    Raises:
        MlwfError, OSError, ValueError, subprocess.SubprocessError: if it could not be sent.
    """
    _WAYS[way](notify, message, folder)


def _run(notify: Notify, message: Message, folder: Path) -> None:
    parts = {"KIND": message.kind, "WORKFLOW": message.workflow, "SUBJECT": message.subject, "TEXT": message.text}
    command = [resolve_secrets(part) for part in shlex.split(notify.command or "")]
    done = subprocess.run(
        command, input=json.dumps(asdict(message)), cwd=folder, capture_output=True, text=True, check=False,
        env={**os.environ, **{f"MLWF_{name}": text for name, text in parts.items()}}, timeout=_LONGEST_S,
    )  # fmt: skip
    if done.returncode:
        raise MlwfError(f"it must end with exit code 0, however: {done.returncode} {done.stderr.strip()[-300:]}")


def _post(notify: Notify, message: Message, _: Path) -> None:
    address = resolve_secrets(notify.webhook or "")
    if not address.startswith(("http://", "https://")):
        raise MlwfError("the address must begin with http:// or https://, however it does not")
    request = urllib.request.Request(  # noqa: S310 - what it begins with is checked above
        address, data=json.dumps(asdict(message)).encode(), headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=_LONGEST_S):  # noqa: S310
        pass


def _mail(notify: Notify, message: Message, _: Path) -> None:
    server = urlsplit(os.environ.get(SMTP) or _PLAIN)
    if server.scheme not in _PORTS or not server.hostname:
        raise MlwfError(f"{SMTP} must be smtp://[USER:PASSWORD@]HOST[:PORT] or smtps://..., however it is not")
    mail = EmailMessage()
    mail["Subject"] = f"[mlwf] {message.subject}"
    mail["From"] = os.environ.get(f"{SMTP}_FROM") or f"mlwf@{socket.gethostname()}"
    mail["To"] = ", ".join(resolve_secrets(one) for one in notify.email)
    mail.set_content(message.text)
    kind = smtplib.SMTP_SSL if server.scheme == "smtps" else smtplib.SMTP
    with kind(server.hostname, server.port or _PORTS[server.scheme], timeout=_LONGEST_S) as connection:
        if server.scheme == "smtp" and connection.has_extn("starttls"):
            connection.starttls()
        if server.username:
            connection.login(unquote(server.username), unquote(server.password or ""))
        connection.send_message(mail)


_WAYS: Mapping[str, Callable[[Notify, Message, Path], None]] = {"command": _run, "webhook": _post, "email": _mail}
