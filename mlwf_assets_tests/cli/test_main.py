import json

import pytest

# A command that ends as it is told, called as all others are.
_ENDING = """
import os, subprocess, sys
import click
from mlwf_assets.cli import main
from mlwf_assets.errors import DataError, SpecError

ERRORS = {
    "spec": SpecError("defs.yaml:7: no such column"), "data": DataError("a row is lost"),
    "usage": click.UsageError("not so"), "bug": ZeroDivisionError("by zero"), "stopped": KeyboardInterrupt(),
    "told": KeyboardInterrupt("Stopped here."), "failed": click.exceptions.Exit(1),
}

@click.command("end")
@click.argument("how")
@click.option("--json", is_flag=True, expose_value=False)
@click.pass_obj
def end(reply, how):
    print("a library prints")
    os.write(1, b"a C library prints\\n")
    subprocess.run(["echo", "a child prints"])
    if how in ("done", "failed", "twice"):
        reply.document({"how": how})
    if how == "twice":
        raise ERRORS["bug"]
    if how in ERRORS:
        raise ERRORS[how]

sys.modules["mlwf_assets.cli.main"]._COMMANDS["end"] = "__main__"
main(sys.argv[1:])
"""
_IMPORTED = """
import json, sys
from mlwf_assets.cli import main
for arguments in (["--help"], ["run", "--help"], ["predict", "--help"], ["up", "--help"], ["--version"]):
    try:
        main(arguments)
    except SystemExit as ended:
        assert ended.code == 0
print(json.dumps(sorted(sys.modules)))
"""
_HEAVY = {
    "aiohttp", "dagster", "deltalake", "duckdb", "featuretools", "lightgbm", "matplotlib", "mlflow", "numpy", "optuna",
    "pandas", "pyarrow", "pydantic", "rich", "scipy", "sklearn", "sqlglot", "torch", "tsfresh", "yaml",
}  # fmt: skip


def end(shell, *arguments):
    return shell.python(_ENDING, "end", *arguments)


def test_help_imports_nothing_heavy(shell):
    done = shell.python(_IMPORTED)
    assert done.returncode == 0, done.stderr
    *said, modules = done.stdout.splitlines()
    assert not _HEAVY & set(json.loads(modules))
    for words in (
        "Bring a workflow up to date",
        "Score new rows",
        "Serve Dagster, MLflow and the reports",
        "--force",
        "--port",
        "0.",
    ):
        assert words in "\n".join(said)


@pytest.mark.parametrize(
    ("how", "code", "words"),
    [
        ("done", 0, ""),
        ("failed", 1, ""),
        ("data", 2, "mlwf: a row is lost\n"),
        ("spec", 2, "defs.yaml:7: no such column\n"),
        ("usage", 2, "Error: not so\n"),
        ("stopped", 130, "Stopped.\n"),
        ("told", 130, "Stopped here.\n"),
    ],
)
def test_how_a_command_ends_is_told_by_its_exit_code_and_in_a_few_lines(shell, how, code, words):
    done = end(shell, how)
    assert (done.returncode, done.stdout.count("\n")) == (code, 3)
    assert done.stderr.endswith(words)
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) <= 4


def test_a_bug_shows_where_it_is(shell):
    done = end(shell, "bug")
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "ZeroDivisionError: by zero" in done.stderr


@pytest.mark.parametrize(
    ("how", "document", "code"),
    [
        ("done", {"how": "done"}, 0),
        ("failed", {"how": "failed"}, 1),
        ("twice", {"how": "twice"}, 1),
        ("spec", {"error": {"kind": "SpecError", "message": "defs.yaml:7: no such column"}, "exit_code": 2}, 2),
        ("data", {"error": {"kind": "DataError", "message": "a row is lost"}, "exit_code": 2}, 2),
        ("usage", {"error": {"kind": "UsageError", "message": "not so"}, "exit_code": 2}, 2),
        ("bug", {"error": {"kind": "ZeroDivisionError", "message": "by zero"}, "exit_code": 1}, 1),
        ("stopped", {"error": {"kind": "KeyboardInterrupt", "message": "Stopped."}, "exit_code": 130}, 130),
    ],
)
def test_with_json_stdout_is_one_document_whatever_is_printed_and_however_it_ends(shell, how, document, code):
    done = end(shell, how, "--json")
    assert done.returncode == code
    assert json.loads(done.stdout) == document
    for words in ("a library prints", "a C library prints", "a child prints"):
        assert words in done.stderr


def test_a_command_line_that_cannot_be_read_is_the_users_mistake_and_a_document_too(shell):
    done = shell.mlwf("up", "--port", "many", "--json")
    assert done.returncode == 2
    assert (
        json.loads(done.stdout)["error"]["message"]
        == "Invalid value for '--port': 'many' is not a valid integer range."
    )
    assert "Traceback" not in done.stderr


def test_a_command_that_does_not_exist_is_the_users_mistake(shell):
    done = shell.mlwf("rnu", "flights")
    assert done.returncode == 2
    assert "No such command 'rnu'" in done.stderr


def test_variables_of_the_env_file_count_below_those_of_the_shell(shell):
    (shell.folder / ".env").write_text("MLWF_WORKFLOWS=/no/such/folder\n")
    done = shell.mlwf("run", "nothing")
    assert done.returncode == 2
    assert "MLWF_WORKFLOWS must name folders" in done.stderr
    shell.variables["MLWF_WORKFLOWS"] = ""
    assert "must be a workflow or a folder 'nothing'" in shell.mlwf("run", "nothing").stderr
