"""From an evaluated model to a registered one: the gate, the registry, its card, and what is tracked.

`assemble` makes a candidate of what the assets hold; `gate` decides and `champion` compares; `deploy` is the
whole way in one call. `store` opens MLflow's database, `registry` brings a model in as `package` makes it and
moves the alias, `tracking` records trials; `scorer` is what a registered model runs. `batch` brings raw rows
(`new_rows`) to predictions of the registered model (`standing`); `scoring` does so with what the lake holds, with
the rows that are `waiting`. Nothing is trained here.
"""
