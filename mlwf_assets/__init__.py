"""A data and machine-learning platform of Dagster assets: a YAML file in, a registered model out."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mlwf_assets.extending import cleaning_step as cleaning_step
from mlwf_assets.extending import family as family
from mlwf_assets.extending import feature as feature
from mlwf_assets.extending import label as label
from mlwf_assets.extending import metric as metric

if TYPE_CHECKING:
    import datetime as dt

    from mlwf_assets.assets.component import MLWorkflow as MLWorkflow
    from mlwf_assets.models.families.estimator import EstimatorFamily as EstimatorFamily

__version__ = "0.1.0"


def load(
    workflow: str,
    asset: str,
    partition: str | Sequence[str] | None = None,
    *,
    as_of: "int | str | dt.date | None" = None,
    run: str | None = None,
    version: int | None = None,
    model: str | None = None,
    as_arrow: bool = False,
    home: str | os.PathLike[str] | None = None,
) -> Any:
    """Read what an asset holds, for notebooks and scripts; nothing is computed.

    Args:
        workflow: the workflow's name.
        asset: 'GROUP/NAME', e.g. 'features/matrix'.
        partition: one partition, or several in the order wanted; by default all.
        as_of: what it held earlier: after a version of its table in the lake (a whole number), or at a moment
            ('2024-05-31', '2024-05-31 18:00', a date or datetime; UTC where it says no zone).
        run: as a run left it, by the run's id or the beginning of it; what the run did not look after, as it found it.
        version: the same as `as_of` with a whole number.
        model: as the model was made from it: 'NAME/VERSION', 'NAME@ALIAS', or as `mlwf reproduce` takes it.
        as_arrow: an Arrow table instead of a pandas frame.
        home: the folder of all state; by default MLWF_HOME, else `.mlwf` in the working directory.
    Returns:
        A pandas frame, or an Arrow table.
    Raises:
        LakeError: if there is no such workflow, asset, partition or state, saying which there are; if more than one
            of `as_of`, `run`, `version` and `model` is given.
        ModelError: if there is no such model.
    Example:
        >>> import mlwf_assets
        >>> mlwf_assets.load("flights", "features/matrix", home="/no/such/home")
        Traceback (most recent call last):
        mlwf_assets.errors.LakeError: there must be a workflow 'flights' in /no/such/home/lake, ...
    """
    from mlwf_assets.lake.loading import load_table, refuse_several

    refuse_several({"as_of": as_of, "run": run, "version": version, "model": model})
    pinned = None
    if model is not None:
        from mlwf_assets.deployment.versions import pinned_versions

        pinned = pinned_versions(model, workflow, asset, home=home)
    table = load_table(workflow, asset, partition, as_of=as_of, run=run, version=version, pinned=pinned, home=home)
    return table if as_arrow else table.to_pandas()


def __getattr__(name: str) -> Any:
    """Import what is heavy only where it is asked for: `import mlwf_assets` stays light."""
    if name == "MLWorkflow":
        from mlwf_assets.assets.component import MLWorkflow

        return MLWorkflow
    if name == "EstimatorFamily":
        from mlwf_assets.models.families.estimator import EstimatorFamily

        return EstimatorFamily
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
