"""From an evaluated model to a registered one: the gate, the registry, its card, and what is tracked.

`gate` decides and `champion` compares, both without MLflow; `store` opens MLflow's database; `registry`
brings a model in and moves the alias; `tracking` records trials; `scorer` is what a registered model runs.
"""
