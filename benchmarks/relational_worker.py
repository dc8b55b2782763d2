"""One measurement of `relational`: who, and what they are asked; prints what was seen as JSON, one line after another.

Runs under another interpreter for the peers, and so imports nothing at the top that they may lack.
"""

import json
import os
import resource
import statistics
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import relational_flights as given

_AT_ONCE = 100
_SERVED = 200


def main(who: str, asked: str) -> None:
    warnings.simplefilter("ignore")
    settings = json.loads(asked)
    {"ours": _ours, "serving": _serve, "featuretools": _featuretools, "fastdfs": _fastdfs, "getml": _getml}[who](
        settings
    )


def _tell(**seen: Any) -> None:
    print(json.dumps(seen), flush=True)


def _ours(settings: dict[str, Any]) -> None:
    from mlwf_assets.features.relational import calculate_feature_matrix

    flights = given.read(settings["copies"]).head(settings.get("rows"))
    entityset = given.make_entityset(flights, late=settings.get("late", True))
    features = given.define(entityset, settings["primitives"], settings.get("windows"))
    start_s, cpu_s = time.perf_counter(), time.process_time()
    frame = calculate_feature_matrix(features, entityset, given.ask(flights))
    seconds, cpu = time.perf_counter() - start_s, time.process_time() - cpu_s
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    _tell(rows=len(frame), features=frame.shape[1], s=seconds, cpu_s=cpu, peak_mib=peak_mib, load=os.getloadavg()[0])


def _serve(settings: dict[str, Any]) -> None:
    from mlwf_assets.features.relational import Server

    flights = given.read()
    entityset = given.make_entityset(flights)
    features = given.define(entityset, settings["primitives"])
    start_s = time.perf_counter()
    server = Server(features, entityset)
    ready_s = time.perf_counter() - start_s
    cutoffs = given.ask(flights)
    seconds, cpu = [], []
    for row in np.random.default_rng(0).choice(len(flights), _SERVED, replace=False):
        instance, at = int(cutoffs["flight"][row]), cutoffs["time"][row]
        start_s, cpu_s = time.perf_counter(), time.process_time()
        server.calculate(instance, at)
        seconds.append(time.perf_counter() - start_s)
        cpu.append(time.process_time() - cpu_s)
    _tell(
        features=len(features),
        ready_s=ready_s,
        median_ms=1000 * statistics.median(seconds),
        p95_ms=1000 * float(np.quantile(seconds, 0.95)),
        median_cpu_ms=1000 * statistics.median(cpu),
        load=os.getloadavg()[0],
    )


def _featuretools(settings: dict[str, Any]) -> None:
    """Calculate rows of five weeks, drawn at random, a hundred at a time, until the time is up."""
    import featuretools as ft

    flights = given.read()
    flights = flights[flights["scheduled"] < flights["scheduled"][0] + np.timedelta64(35, "D")]
    entityset = given.make_entityset(flights)
    features = given.define(entityset, settings["primitives"])
    cutoffs = given.ask(flights).sample(frac=1, random_state=0)
    done, start_s = 0, time.perf_counter()
    while done < len(cutoffs):
        part = cutoffs.iloc[done : done + _AT_ONCE].reset_index(drop=True)
        ft.calculate_feature_matrix(features, entityset, part)
        done += len(part)
        _tell(rows=done, features=len(features), s=time.perf_counter() - start_s)


def _fastdfs(settings: dict[str, Any]) -> None:
    import fastdfs
    from loguru import logger

    logger.remove()
    flights = given.read().head(settings["rows"])
    events = flights.drop(columns="scheduled").astype(dict.fromkeys(given.PARENTS.values(), object))
    parents = {table: events[[key]].dropna().drop_duplicates() for table, key in given.PARENTS.items()}
    rdb = fastdfs.create_rdb(
        {"flights": events, **parents},
        primary_keys={"flights": "flight", **given.PARENTS},
        foreign_keys=[("flights", key, table, key) for table, key in given.PARENTS.items()],
        time_columns={"flights": "landed"},
    )
    asked = flights[["scheduled", *given.PARENTS.values()]]
    start_s = time.perf_counter()
    made = fastdfs.compute_dfs_features(
        rdb,
        asked.copy(),
        {key: f"{table}.{key}" for table, key in given.PARENTS.items()},
        "scheduled",
        config_overrides={"agg_primitives": settings["primitives"], "max_depth": 2},
    )
    features = made.shape[1] - asked.shape[1]
    _tell(rows=len(made), features=features, s=time.perf_counter() - start_s)


def _getml(settings: dict[str, Any]) -> None:
    import getml

    flights = given.read().head(settings["rows"])
    with tempfile.TemporaryDirectory(prefix="mlwf-getml-") as folder:
        getml.engine.launch(home_directory=folder, launch_browser=False, allow_push_notifications=False, quiet=True)
        try:
            _run_getml(getml, flights)
        finally:
            getml.engine.shutdown()


def _run_getml(getml: Any, flights: pd.DataFrame) -> None:
    getml.set_project("flights")
    roles = getml.data.roles
    keys = list(given.PARENTS.values())
    asked = flights[["scheduled", *keys]].assign(target=np.arange(len(flights)) % 2)
    population = getml.data.DataFrame.from_pandas(
        asked, "asked", roles={roles.join_key: keys, roles.time_stamp: ["scheduled"], roles.target: ["target"]}
    )
    history = getml.data.DataFrame.from_pandas(
        flights.drop(columns=["scheduled", "flight"]),
        "history",
        roles={roles.join_key: keys, roles.time_stamp: ["landed"], roles.numerical: given.NUMBERS},
    )
    space = getml.data.DataModel(population.to_placeholder("population"))
    space.add(*(history.to_placeholder(f"history_{key}") for key in keys))
    for key in keys:
        space.population.join(getattr(space, f"history_{key}"), on=key, time_stamps=("scheduled", "landed"))
    kinds = getml.feature_learning.aggregations
    learner = getml.feature_learning.FastProp(
        loss_function=getml.feature_learning.loss_functions.CrossEntropyLoss,
        aggregation=[kinds.COUNT, kinds.SUM, kinds.AVG, kinds.STDDEV, kinds.MIN, kinds.MAX],
        num_features=1000,
        num_threads=2,
        sampling_factor=1.0,
    )
    pipeline = getml.pipeline.Pipeline(data_model=space, feature_learners=[learner])
    peripheral = {f"history_{key}": history for key in keys}
    pipeline.fit(population, peripheral, check=False)
    start_s = time.perf_counter()
    made = pipeline.transform(population, peripheral)
    _tell(rows=made.shape[0], features=made.shape[1], s=time.perf_counter() - start_s)


if __name__ == "__main__":
    main(*sys.argv[1:])
