"""What Dagster loads: workflows, packaged and in the folders that MLWF_WORKFLOWS names, samples, the usage of GPUs."""

import dagster as dg

from mlwf_assets.assets.component import load_folder, load_samples
from mlwf_assets.assets.gpu_pod import find_executor
from mlwf_assets.assets.gpu_usage import usage_definitions
from mlwf_assets.spec.loader import distinct_folders

defs = dg.Definitions.merge(
    *(load_folder(folder) for folder in distinct_folders()),
    *(sample for folder in distinct_folders() for sample in load_samples(folder)),
    usage_definitions(),
    dg.Definitions(executor=find_executor()),
)
