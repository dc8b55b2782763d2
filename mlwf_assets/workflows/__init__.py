"""The workflows that come with the package: one folder each, with a defs.yaml and what it needs.

Nothing here is Python that the library imports; a workflow of one's own is just such a folder somewhere
else (see docs/ and the environment variable MLWF_WORKFLOWS).
"""
