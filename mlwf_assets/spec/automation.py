"""When a workflow runs by itself, and who is told of what."""

import re
import shlex
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from mlwf_assets.spec.base import Duration, Name, Names, SpecModel, TimeZone
from mlwf_assets.spec.cron import check_cron

ON_DATA = "on_data"
_SECRET = "${env:"  # noqa: S105 - how a secret is referred to
_ADDRESS = re.compile(r"[^@\s,<>]+@[^@\s,<>]+")


def _check_schedule(value: str) -> str:
    return value if value == ON_DATA else check_cron(value)


def _check_command(value: str) -> str:
    try:
        parts = shlex.split(value)
    except ValueError as problem:
        raise ValueError(f"must be a command as a shell reads it, however: {problem}") from None
    if not parts:
        raise ValueError("must be a command, however it is empty")
    return value


def _check_webhook(value: str) -> str:
    if not value.startswith(("http://", "https://", _SECRET)):
        raise ValueError(f"must be an address that begins with http:// or https://, however: {value!r}")
    return value


def _split_addresses(value: Any) -> Any:
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


def _check_addresses(value: tuple[str, ...]) -> tuple[str, ...]:
    if not value:
        raise ValueError("must be addresses such as team@example.com, however there is none")
    for one in value:
        if not _ADDRESS.fullmatch(one) and not one.startswith(_SECRET):
            raise ValueError(f"must be addresses such as team@example.com, however: {one!r}")
    return value


class Notify(SpecModel):
    """Who is told of a failure, a refused gate, a stale source and a new champion: one message each."""

    command: Annotated[str, AfterValidator(_check_command)] | None = Field(
        default=None,
        description="A command, run in the workflow's folder without a shell: it gets the message as JSON on stdin, "
        "and its parts as MLWF_KIND, MLWF_WORKFLOW, MLWF_SUBJECT and MLWF_TEXT.",
    )
    webhook: Annotated[str, AfterValidator(_check_webhook)] | None = Field(
        default=None, description="An address to which the message is posted as JSON."
    )
    email: Annotated[Names, BeforeValidator(_split_addresses), AfterValidator(_check_addresses)] = Field(
        default=(), description="Addresses; MLWF_SMTP names the server, by default smtp://localhost:25."
    )


class Automation(SpecModel):
    """When a workflow runs by itself, as long as `mlwf up` (or another daemon of Dagster) runs."""

    schedule: Annotated[str, AfterValidator(_check_schedule)] | None = Field(
        default=None,
        description="on_data: as soon as something is not up to date; a cron expression such as '0 3 * * *': then, if "
        "something is not. Left out: never by itself.",
    )
    timezone: TimeZone = Field(default="UTC", description="The time zone of the cron expression.")
    stale_after: dict[Name, Duration] = Field(
        default={}, description="Source: for how long its files may stay as they are before somebody is told."
    )
    notify: Notify | None = Field(default=None, description="Who is told.")

    @property
    def cron(self) -> str | None:
        """The cron expression, if there is one."""
        return None if self.schedule in (None, ON_DATA) else self.schedule
