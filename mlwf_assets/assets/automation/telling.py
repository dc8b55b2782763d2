"""Tells each piece of news once, in each way, whatever happens: what was told is kept in a file.

A way that does not work is tried again at the next looks, a few times; that it did not is logged, and hinders nothing.
"""

import datetime as dt
import smtplib
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from mlwf_assets.assets.automation.files import read_json, write_json
from mlwf_assets.assets.automation.news import EVENTS, News
from mlwf_assets.assets.automation.sending import SMTP, Message, send, ways
from mlwf_assets.errors import MlwfError
from mlwf_assets.spec.automation import Notify
from mlwf_assets.spec.secrets import hide_secrets
from mlwf_assets.spec.workflow import Workflow

_FILE = "told.json"
_TRIES = 3
_BROKEN = (MlwfError, OSError, ValueError, smtplib.SMTPException, subprocess.SubprocessError)


def tell(
    workflow: Workflow,
    news: Sequence[News],
    home: Path,
    *,
    whole: bool = True,
    log: Callable[[str], None] = print,
) -> list[str]:
    """Send what was not told yet; return the subjects of what was sent.

    Args:
        workflow: the workflow.
        news: what is so now.
        home: the folder of all state.
        whole: whether that is all news; False: what is not among them may still be so.
        log: is told of what could not be sent.
    """
    notify = workflow.automation.notify if workflow.automation else None
    file = home / "automation" / workflow.name / _FILE
    kept = read_json(file)
    now = {one.name for one in news}
    told: dict[str, dict[str, int]] = {
        name: left for name, left in kept.get("told", {}).items() if name in now or not whole
    }
    begun, sent = bool(kept.get("begun")), []
    for one in news:
        # What stood before anybody wanted to be told is no news.
        at_first = {} if one.kind in EVENTS and not begun else dict.fromkeys(ways(notify), _TRIES)
        left = told.setdefault(one.name, at_first)
        done = [way for way in list(left) if _try(way, left, one, workflow, log)]
        sent += [one.subject] if done else []
        write_json(file, {"begun": begun, "told": told})
    write_json(file, {"begun": begun or whole, "told": told})
    return sent


def _try(way: str, left: dict[str, int], one: News, workflow: Workflow, log: Callable[[str], None]) -> bool:
    """Send in one way; strike it out when that is done, or was in vain too often."""
    notify = workflow.automation.notify if workflow.automation else None
    left[way] -= 1
    tries = left[way]
    if tries == 0:
        del left[way]
    if notify is None or way not in ways(notify):
        left.pop(way, None)
        return False
    at = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    try:
        send(way, notify, Message(one.kind, workflow.name, one.subject, one.text, at), workflow.folder)
    except _BROKEN as error:
        rest = f"tried {tries} times more" if tries else "given up"
        log(f"'{one.subject}' could not be told by {way}, {rest}: {_hidden(str(error), notify)}")
        return False
    left.pop(way, None)
    return True


def _hidden(text: str, notify: Notify) -> str:
    """Keep secrets out of the log."""
    written = " ".join([notify.command or "", notify.webhook or "", *notify.email, f"${{env:{SMTP}}}"])
    return hide_secrets(text, of=written)
