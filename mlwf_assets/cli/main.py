"""The command group, and how errors end: a user's mistake is a few lines and exit code 2, never a traceback."""

import importlib
import sys
from typing import Any

import click

from mlwf_assets import __version__
from mlwf_assets.errors import MlwfError, SpecError

_COMMANDS = {"run": "mlwf_assets.cli.run", "up": "mlwf_assets.cli.up", "gpu": "mlwf_assets.cli.gpu"}


class _Lazy(click.Group):
    """Imports a command's module only when the command is called: `mlwf --help` is at once."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = getattr(importlib.import_module(_COMMANDS[cmd_name]), cmd_name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except SpecError as error:
            click.echo(str(error), err=True)
            sys.exit(2)
        except MlwfError as error:
            click.echo(f"mlwf: {error}", err=True)
            sys.exit(1)


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="mlwf")
def main() -> None:
    """Machine-learning workflows as Dagster assets: a YAML file in, a registered model out."""
