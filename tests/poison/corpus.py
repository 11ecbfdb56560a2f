"""All poisoned files."""

from tests.poison.arrays import ARRAYS
from tests.poison.broken_json import BROKEN_JSON
from tests.poison.broken_rules import BROKEN_RULES
from tests.poison.csv_files import CSV_FILES
from tests.poison.packed import PACKED
from tests.poison.parquet_files import PARQUET_FILES
from tests.poison.poison import Poison
from tests.poison.sizes import SIZES
from tests.poison.whole_files import WHOLE_FILES
from tests.poison.wrong_types import WRONG_TYPES

__all__ = ["CORPUS"]

CORPUS: tuple[Poison, ...] = (
    *BROKEN_JSON,
    *WRONG_TYPES,
    *BROKEN_RULES,
    *SIZES,
    *WHOLE_FILES,
    *CSV_FILES,
    *PARQUET_FILES,
    *PACKED,
    *ARRAYS,
)
