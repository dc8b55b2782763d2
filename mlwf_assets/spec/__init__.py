"""The typed form of a workflow file (defs.yaml), one module per phase, and everything that is checked of it.

`loader.load` reads and checks a file, `references.check` checks it against the sources' columns; whoever
needs dates takes them from `timeline`. No data is read here, and nothing is known of Dagster or of any
workflow. The fields are listed in docs/workflow-file.md, which `reference` writes.
"""
