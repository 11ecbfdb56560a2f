"""Great Expectations at work: an ephemeral context over pandas batches, without network and without telemetry.

Nothing of a value leaves it: results hold counts alone.
"""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sophia_metrics.quality.data_docs import make_self_contained
from sophia_metrics.quality.gx_suite import NAME, gx_suite
from sophia_metrics.quality.suite import Suite

if TYPE_CHECKING:
    import polars as pl

__all__ = ["GxEngine"]

COUNTS_ONLY = {"result_format": "SUMMARY", "partial_unexpected_count": 0, "include_unexpected_rows": False}
SITE = "sophia"


class GxEngine:
    """One context, for as long as a checkpoint lasts. `now` is the present (naive UTC)."""

    def __init__(self, now: datetime) -> None:
        import great_expectations  # noqa: PLC0415 - ten seconds, only in this step
        from great_expectations.data_context.types.base import (  # noqa: PLC0415 - the same
            DataContextConfig,
            InMemoryStoreBackendDefaults,
            ProgressBarsConfig,
        )

        self._now = now
        theirs: Any = great_expectations
        self._context: Any = theirs.get_context(
            mode="ephemeral",
            project_config=DataContextConfig(
                store_backend_defaults=InMemoryStoreBackendDefaults(),
                progress_bars=ProgressBarsConfig(globally=False),
                analytics_enabled=False,
            ),
        )
        self._source = self._context.data_sources.add_pandas("sophia_metrics")
        self._checkpoints: dict[str, Any] = {}

    def judge(self, suite: Suite, rows: "pl.DataFrame") -> dict[str, tuple[int, int]]:
        """Return (failed, checked) rows by the name of each expectation.

        Raises:
            ArithmeticError: an expectation gave no count.
        """
        checkpoint = self._checkpoints.get(suite.name)
        if checkpoint is None:
            checkpoint = self._checkpoints[suite.name] = self._add(suite)
        result = checkpoint.run(batch_parameters={"dataframe": rows.to_pandas()})
        (validation,) = result.run_results.values()
        counts: dict[str, tuple[int, int]] = {}
        for each in validation.results:
            name = str(each.expectation_config.meta[NAME])
            if "unexpected_count" not in each.result:
                raise ArithmeticError(f"{suite.name}, {name}: no count")
            counts[name] = (int(each.result["unexpected_count"]), rows.height)
        return counts

    def build_docs(self, folder: Path) -> Path:
        """Write Data Docs about all that was judged into a folder that does not exist yet; return its first page."""
        self._context.add_data_docs_site(
            SITE,
            {
                "class_name": "SiteBuilder",
                "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
                "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(folder)},
            },
        )
        self._context.build_data_docs(site_names=[SITE])
        make_self_contained(folder)
        return folder / "index.html"

    def _add(self, suite: Suite) -> Any:  # noqa: ANN401 - their types are half known
        from great_expectations import Checkpoint, ValidationDefinition  # noqa: PLC0415 - see above

        batch = self._source.add_dataframe_asset(suite.name).add_batch_definition_whole_dataframe("rows")
        theirs = self._context.suites.add(gx_suite(suite, self._now))
        definition = ValidationDefinition(name=suite.name, data=batch, suite=theirs)
        checkpoint = Checkpoint(
            name=suite.name,
            validation_definitions=[self._context.validation_definitions.add(definition)],
            result_format=COUNTS_ONLY,
        )
        return self._context.checkpoints.add(checkpoint)
