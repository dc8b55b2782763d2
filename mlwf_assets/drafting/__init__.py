"""A first workflow file for files that nobody has described yet: read and profiled, proposed, written.

`draft.py` leads through it: `files` finds what a path holds, `reading` how it is written, `tables` what it says,
`keys` and `relations` what belongs together, `target`, `times` and `splits` what can be predicted and how that is
tried, `leaving_out` what must not be learned; `writing` says it in YAML, with the evidence as comments. Files
are read by the lake's connectors and values as cleaning reads them, so that what was seen here is what a run
sees. Nothing is trained here, and nothing but the one file is written.
"""
