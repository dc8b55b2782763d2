"""What Dagster loads: the packaged workflows, those in the folders that MLWF_WORKFLOWS names, and samples of them."""

import dagster as dg

from mlwf_assets.assets.component import load_folder, load_samples
from mlwf_assets.assets.gpu_pod import find_executor
from mlwf_assets.spec.loader import distinct_folders

defs = dg.Definitions.merge(
    *(load_folder(folder) for folder in distinct_folders()),
    *(sample for folder in distinct_folders() for sample in load_samples(folder)),
    dg.Definitions(executor=find_executor()),
)
