"""The command group, and how every command ends.

Exit codes: 0 done, 1 something failed, 2 the user's mistake (in the command, the workflow file or the data), 130
stopped by Ctrl-C. A mistake of the user is a few lines and never a traceback; what went wrong in our code keeps its
traceback. What a command does stands in the module of its name, what it says with --json in `reply.py`.
"""

import atexit
import gc
import importlib
import itertools
from pathlib import Path
from typing import Any

import click

from mlwf_assets import __version__
from mlwf_assets.cli.reply import Reply, replying
from mlwf_assets.errors import DataError, MlwfError, SourceError, SpecError

_COMMANDS = {
    "init": "mlwf_assets.cli.init",
    "check": "mlwf_assets.cli.check",
    "run": "mlwf_assets.cli.run",
    "status": "mlwf_assets.cli.status",
    "predict": "mlwf_assets.cli.predict",
    "show": "mlwf_assets.cli.show",
    "compare": "mlwf_assets.cli.compare",
    "reproduce": "mlwf_assets.cli.reproduce",
    "gc": "mlwf_assets.cli.gc",
    "up": "mlwf_assets.cli.up",
    "gpu": "mlwf_assets.cli.gpu",
}
STOPPED = 130  # as shells have it: 128 + SIGINT


class _Commands(click.Group):
    """Imports a command's module only when the command is called, and ends all of them alike."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = getattr(importlib.import_module(_COMMANDS[cmd_name]), cmd_name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        # The group's arguments are the command's own: also a command line that cannot be parsed is answered.
        # What stands behind `--` is another program's (`mlwf gpu run -- COMMAND`).
        own = itertools.takewhile(lambda word: word != "--", ctx.args)
        with replying(as_json="--json" in own) as reply:
            ctx.obj = reply
            try:
                return super().invoke(ctx)
            except click.exceptions.Exit:
                raise
            except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - raised again, once it is in the document
                return _end(ctx, reply, error)


def _end(ctx: click.Context, reply: Reply, error: BaseException) -> None:
    """Say what went wrong, on stderr and in the document, and leave with its exit code."""
    code = exit_code(error)
    if isinstance(error, KeyboardInterrupt):
        words = str(error) or "Stopped."
    elif isinstance(error, click.ClickException):
        words = error.format_message()
    else:
        words = str(error)
    reply.error(type(error).__name__, words, code)
    if not isinstance(error, MlwfError | KeyboardInterrupt):
        raise error  # click shows its own, with the usage; all else is a bug and shows where
    click.echo(words if isinstance(error, SpecError | KeyboardInterrupt) else f"mlwf: {words}", err=True)
    ctx.exit(code)


def exit_code(error: BaseException) -> int:
    """The exit code that an error ends a command with.

    Example:
        >>> [exit_code(error) for error in (SpecError("a typo"), MlwfError("no disk"), KeyboardInterrupt())]
        [2, 1, 130]
    """
    if isinstance(error, KeyboardInterrupt):
        return STOPPED
    return 2 if isinstance(error, SpecError | DataError | SourceError | click.UsageError) else 1


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="mlwf")
def main() -> None:
    """Machine-learning workflows as Dagster assets: a YAML file in, a registered model out."""
    from mlwf_assets.cli.home import load_env_file

    # Nothing is to be found among what is left at the end; to look for it takes seconds after a run.
    atexit.register(gc.freeze)
    load_env_file(Path.cwd())
