"""Where things stand in MLflow's pages, below the gateway of `mlwf up`.

Paths without host and port: they are written into Dagster's event log and MLflow's descriptions, and hold on
whatever port the next start uses.
"""

# MLflow shows its pages for language models unless each address says otherwise.
_TRAINING = "workflowType=machine_learning"
HOME = f"/mlflow/#/experiments?{_TRAINING}"


def run_page(experiment_id: str, run_id: str) -> str:
    """The page of a run.

    Example:
        >>> run_page("1", "ab")
        '/mlflow/#/experiments/1/runs/ab?workflowType=machine_learning'
    """
    return f"/mlflow/#/experiments/{experiment_id}/runs/{run_id}?{_TRAINING}"


def version_page(registered_model: str, version: int) -> str:
    """The page of a version in the registry.

    Example:
        >>> version_page("flight-on-time", 3)
        '/mlflow/#/models/flight-on-time/versions/3?workflowType=machine_learning'
    """
    return f"/mlflow/#/models/{registered_model}/versions/{version}?{_TRAINING}"
