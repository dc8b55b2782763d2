import resource
import subprocess
import sys

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from mlwf_assets.features.timeseries import extract_windows, iterate_windows, write_windows

RNG = np.random.default_rng(2)
SERIES = np.cumsum(RNG.normal(size=400))


def test_strided_windows_are_read_where_they_are_and_equal_copies():
    windows = np.lib.stride_tricks.sliding_window_view(SERIES, 24)[::8]
    assert windows.base is not None
    pd.testing.assert_frame_equal(extract_windows(windows), extract_windows(windows.copy()))


def test_series_of_unequal_lengths_have_the_values_that_each_has_alone():
    series = [SERIES[:n] for n in (24, 3, 24, 1, 60)]
    together = extract_windows(series)
    for row, one in enumerate(series):
        alone = extract_windows(one[None])
        pd.testing.assert_frame_equal(together.iloc[[row]].reset_index(drop=True), alone, check_exact=True)


def test_a_series_without_readings_has_no_values():
    found = extract_windows([[], [1.0, 2.0]], {"mean": None, "length": None})
    assert found["mean"].isna().tolist() == [True, False]


def test_no_windows_have_the_columns_and_no_rows():
    none, some = (extract_windows(np.empty((n, 5)), "minimal", kind="x") for n in (0, 1))
    assert none.shape == (0, 10)
    assert list(none) == list(some)


def test_threads_parts_and_files_change_nothing(tmp_path):
    windows = RNG.normal(size=(20_000, 6))
    chosen = {"mean": None, "quantile": [{"q": 0.3}], "number_peaks": [{"n": 1}]}
    whole = extract_windows(windows, chosen, kind="x")
    pd.testing.assert_frame_equal(extract_windows(windows, chosen, kind="x", n_jobs=2), whole)
    pd.testing.assert_frame_equal(pd.concat(iterate_windows(windows, chosen, kind="x")), whole)
    path = write_windows(tmp_path / "features.parquet", windows, chosen, kind="x")
    pd.testing.assert_frame_equal(pq.read_table(path).to_pandas(), whole)


def test_progress_is_shown_on_the_error_stream(capsys):
    extract_windows(np.ones((7, 5)), "minimal", progress=True)
    shown = capsys.readouterr()
    assert "7/7 windows" in shown.err
    assert not shown.out


def test_what_is_no_window_is_an_error(tmp_path):
    with pytest.raises(ValueError, match=r"windows must be \(n_windows, length\), however: values.shape=\(3,\)"):
        extract_windows(np.ones(3))
    with pytest.raises(ValueError, match=r"each series must have one dimension, however: .*\(1, 2\) at 1"):
        extract_windows([[1.0], [[1.0, 2.0]]])
    with pytest.raises(ValueError, match="there must be a window at least"):
        write_windows(tmp_path / "none.parquet", np.empty((0, 5)))


@pytest.mark.soak
def test_memory_is_bounded_by_chunks(tmp_path, full):
    """A million windows of a day, efficient features, under 4 GB; here some thousands and less memory by default."""
    rows = 200_000 if full else 4_000
    code = f"""
import numpy as np, resource
from pathlib import Path
from mlwf_assets.features.timeseries import write_windows
windows = np.lib.stride_tricks.sliding_window_view(np.cumsum(np.random.default_rng(0).normal(size={rows} + 23)), 24)
write_windows(Path({str(tmp_path / "f.parquet")!r}), windows)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""
    peak_mib = int(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout)
    assert pq.read_metadata(tmp_path / "f.parquet").num_rows == rows
    assert peak_mib < 4000 if full else peak_mib < 1500


def test_one_window_of_chosen_features_takes_less_than_5_ms():
    chosen = {
        "quantile": [{"q": 0.1}, {"q": 0.9}],
        "change_quantiles": [{"ql": 0.2, "qh": 0.8, "isabs": True, "f_agg": "mean"}],
        "ar_coefficient": [{"coeff": 1, "k": 10}],
        "augmented_dickey_fuller": [{"attr": "teststat"}],
        "agg_linear_trend": [{"attr": "slope", "chunk_len": 5, "f_agg": "max"}],
        "fft_coefficient": [{"coeff": c, "attr": "abs"} for c in range(5)],
    }
    window = SERIES[None, :24]
    extract_windows(window, chosen)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    for _ in range(50):
        extract_windows(window, chosen)
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_utime - before) / 50 < 5e-3
