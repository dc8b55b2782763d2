"""Model selection: families tuned on forward-chained folds, blended, calibrated, compared.

Arrow matrices in, native model files and tables out; nothing here reads the test split, knows the lake's
layout, Dagster or MLflow.
"""
