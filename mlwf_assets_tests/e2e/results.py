"""What stands in the lake of an installation."""

from mlwf_assets.lake.store import Lake

VERSIONS = """
import json
from mlflow import MlflowClient
client = MlflowClient()
found = client.search_model_versions("name = 'parcel-late'")
runs = [client.get_run(version.run_id) for version in found]
aliases = [list(client.get_model_version(v.name, v.version).aliases) for v in found]
print(json.dumps([[v.version, names, run.data.metrics.get("test_roc_auc"), v.tags]
                  for v, names, run in zip(found, aliases, runs)]))
"""


def tables(installation, workflow="parcels"):
    """The names of all tables of a workflow, below its own name."""
    folders = sorted((installation.home / "lake" / workflow).glob("*/*"))
    return [f"{folder.parent.name}/{folder.name}" for folder in folders]


def entries(installation, workflow="parcels"):
    """Every result that stands now, by table and partition."""
    lake = Lake(installation.home / "lake")
    return {
        (name, partition): entry
        for name in tables(installation, workflow)
        for partition, entry in lake.entries(f"{workflow}/{name}").items()
    }


def fingerprints(installation):
    """Fingerprint of every result but the deployment's, which names versions of the registry."""
    found = entries(installation).items()
    return {(name, part): entry.fingerprint for (name, part), entry in found if not name.startswith("deployment/")}


def times_written(installation, workflow="parcels"):
    """How often each partition of each table was written, by table and partition."""
    lake, counts = Lake(installation.home / "lake"), {}
    for name in tables(installation, workflow):
        for entry in lake.history(f"{workflow}/{name}"):
            counts[name, entry.partition] = counts.get((name, entry.partition), 0) + 1
    return counts


def tracking(installation):
    """Where MLflow of an installation is, as variables of the environment."""
    return {"MLFLOW_TRACKING_URI": f"sqlite:///{installation.home}/mlflow/mlflow.db"}


def registered(installation):
    """Every version in the registry: its number, aliases, test ROC AUC, and tags."""
    return installation.python(VERSIONS, **tracking(installation))
