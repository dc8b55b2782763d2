"""From raw rows to clean ones: types, derived columns, lookups, contracts, business rules, duplicates.

Pure: Arrow tables in, Arrow tables out, computed by DuckDB in one pass over a partition. What is wrong with a
row stands beside it in quarantine; rows in = rows out + quarantined + duplicates + dropped, always. What the
fields of a contract are is said in `spec.tables`; nothing here reads files or knows Dagster.
"""

from mlwf_assets.cleaning.clean import Cleaned, clean_table
from mlwf_assets.cleaning.counts import Counts

__all__ = ["Cleaned", "Counts", "clean_table"]
