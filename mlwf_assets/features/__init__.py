"""Features: what a model sees of an example, point in time correct.

`relational` follows the relationships between tables, `timeseries` looks at the readings before the
cutoff, `selection` judges both on the training rows, `matrix` puts the kept ones beside the labels. A room
of pure functions over Arrow tables: no files, no Dagster, no workflow by name. How: docs/features.md.
"""
