"""The test rows, read once: how good the model is, how sure that is, for whom it is worse, and why.

`evaluate` turns predictions into one tree of plain values (`record.py`), `result.py` makes the asset of it,
`report/` the page. Nothing is trained or chosen here; metrics and their directions are the models' room's.
Empty on purpose: what imports one module of this room depends on that module's code alone.
"""
