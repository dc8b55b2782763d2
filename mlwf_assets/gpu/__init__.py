"""The GPUs of one machine, shared by quota: who is entitled to how much, who runs, who gives back, and why a job waits.

The vocabulary and the rules are those of KAI-Scheduler (the open core of Run:ai); `docs/gpu.md` says them in plain
words. All of it is a state machine: a state in, decisions out. There is no clock, no file and no process here, and no
Dagster; amounts are integers (thousandths of a GPU).
"""
