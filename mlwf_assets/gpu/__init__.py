"""The GPUs of one machine, shared by quota: who is entitled to how much, who runs, who gives back, and why a job waits.

The vocabulary and the rules are those of KAI-Scheduler (the open core of Run:ai); `docs/gpu.md` says them in plain
words. The arbiter (`scheduler.py` and what it calls) is a state machine without clock, file or process: a state in,
decisions out. The ledger, the devices and the leases stand around it. Amounts are integers; no Dagster is known here.
"""

from mlwf_assets.gpu.leases import Lease, lease

__all__ = ["Lease", "lease"]
