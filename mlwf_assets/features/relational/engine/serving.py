"""Features of one row at a time: the definitions, the statements and the history of training, made ready once."""

from typing import Any, Self

import numpy as np
import pandas as pd

from mlwf_assets.errors import SpecError
from mlwf_assets.features.relational.engine import matrix
from mlwf_assets.features.relational.engine.lookups import Reader
from mlwf_assets.features.relational.engine.windows import list_starts


class Server:
    """Definitions and history, ready for one row after the other.

    Args:
        features: featuretools' definitions, all of one table.
        entityset: featuretools' EntitySet: the history.
        training_window: as in `calculate_feature_matrix`.
        include_cutoff_time: as in `calculate_feature_matrix`.

    Raises:
        SpecError: if a definition is not calculated in SQL: featuretools takes a second for a row.

    Example:
        >>> from mlwf_assets.features.quiet import quiet_libraries
        >>> with quiet_libraries():
        ...     import featuretools as ft
        ...     from featuretools.primitives import Count
        >>> sales = pd.DataFrame({"sale": [0, 1], "shop": [7, 7], "at": pd.to_datetime(["2020-01-01", "2020-01-03"])})
        >>> shops = ft.EntitySet("shops", {"sales": (sales, "sale", "at")})
        >>> _ = shops.normalize_dataframe("sales", "shops", "shop", make_time_index=False)
        >>> count = ft.Feature(shops["sales"].ww["sale"], parent_dataframe_name="shops", primitive=Count)
        >>> with Server([count], shops) as server:
        ...     int(server.calculate(7, "2020-01-02").loc[7, "COUNT(sales)"])
        1
    """

    def __init__(
        self,
        features: list[Any],
        entityset: Any,
        *,
        training_window: Any = None,
        include_cutoff_time: bool = True,
    ) -> None:
        from featuretools.utils.wrangle import _check_timedelta

        from mlwf_assets.features.relational.engine.api import split
        from mlwf_assets.features.relational.engine.calculator import Calculator

        window = _check_timedelta(training_window)
        if reasons := split(features, entityset, include=include_cutoff_time, window=window):
            raise SpecError(f"features must be calculated in SQL to be served row by row, however: {reasons}")
        self._calculator = Calculator(features, entityset, window, include_cutoff_time)
        self._index = entityset[features[0].dataframe_name].ww.index
        self._numeric = entityset.time_type == "numeric"
        self._reader: Reader = self._calculator.make_reader()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the memory back."""
        self._calculator.connection.close()

    def calculate(self, instance: Any, time: Any) -> pd.DataFrame:
        """Calculate the features of an instance at its cutoff time.

        Args:
            instance: a value of the table's index; one that is not there, or not yet seen, has defaults.
            time: the cutoff time; a number where the entity set's times are.

        Returns:
            (1, n_outputs) as `calculate_feature_matrix` gives the row, without woodwork's schema.
        """
        times = pd.Series([float(time) if self._numeric else pd.Timestamp(time).tz_localize(None).as_unit("ns")])
        starts = [one[0].item() for one in list_starts(times, self._calculator.plan.windows.spans).values()]
        moment = times.to_numpy()[0] if self._numeric else times.to_numpy().view(np.int64)[0]
        table = self._reader.calculate([moment.item(), *starts], instance)
        complete = not table["__unseen"][0].as_py()
        table = table.drop_columns(["__place", "__unseen"])
        columns = {
            name: matrix.to_pandas(table.column(place), value, complete=complete)
            for place, (name, value) in enumerate(self._calculator.outputs())
        }
        return pd.DataFrame(columns, index=pd.Index([instance], name=self._index), copy=False)
