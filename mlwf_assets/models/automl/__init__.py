"""Model selection over a pandas frame as users have it: scikit-learn's manners, the platform's parts.

Folds, fits, search, blend and calibration are those of the assets `models/*`; here stand what a frame becomes,
which family comes next while the clock runs, and the estimator.
"""
