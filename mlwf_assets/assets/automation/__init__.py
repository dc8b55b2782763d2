"""A workflow that runs by itself: what is due, what changed outside, and who is told.

`plan.py` and `due.py` decide, `condition.py` and `sensors.py` tell Dagster, `sources.py` looks at files, `news.py`
and `sending.py` tell people. What a run does is none of its business: results are reused inside the assets.
"""
