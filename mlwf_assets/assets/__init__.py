"""The room that knows Dagster: workflow files in, asset definitions out.

Each phase has a module that says, step by step, what is read, which library function is called and what is
written (`raw.py` ... `deployment.py`). What all steps share - recipes, reuse, events, metadata - stands
once, in `recipes.py`, `laziness.py` and `metadata.py`. No data is computed here.
"""
