"""Where the state of an installation lives, as a Dagster resource."""

from pathlib import Path

import dagster as dg
from pydantic import Field

from mlwf_assets.lake.home import home_folder


class MlwfHome(dg.ConfigurableResource[Path]):
    """The folder of all state: lake, MLflow store, reports, Dagster's instance."""

    path: str = Field(default="", description="The folder; empty: MLWF_HOME, or .mlwf in the working directory.")

    @property
    def folder(self) -> Path:
        """The folder, absolute."""
        return Path(self.path).absolute() if self.path else home_folder()


# One object for all workflows: Dagster refuses to merge two resources of one name.
HOME = MlwfHome()
