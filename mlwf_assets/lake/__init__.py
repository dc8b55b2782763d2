"""The lake: sources that are read (`connectors`), tables that are kept (`store`), names of content (`fingerprint`).

Everything between assets passes through here as Arrow tables. Nothing here knows Dagster, workflows' meaning
or models; what a column says is the business of the rooms above.
"""
