"""The command `mlwf`: run, predict, up.

Commands parse, call `assets` and print; nothing is computed here. Exit codes: 0 done, 1 something failed,
2 the user's mistake. With --json, stdout is one JSON document; all else goes to stderr.
"""

from mlwf_assets.cli.main import main as main
