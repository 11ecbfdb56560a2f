"""Where commands read rows of usage: the published version, or Snowflake where only that has the older days."""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime

from sophia_metrics.connect import connect_warehouse
from sophia_metrics.costs.reports import report_query
from sophia_metrics.errors import ConfigurationError
from sophia_metrics.exports.asking import Ask
from sophia_metrics.serving import Serving
from sophia_metrics.settings import Settings
from sophia_metrics.warehouse.protocol import Query
from sophia_metrics.windows import naive_utc

__all__ = ["usage_rows"]


@contextmanager
def usage_rows(settings: Settings, needed: str = "core_usage_events") -> Generator[Ask]:
    """Open what holds the rows of usage, of all days.

    Args:
        settings: which warehouse there is.
        needed: the table that the caller reads.

    Raises:
        ConfigurationError: nothing is published yet, or not since there is that table.
    """
    serving = Serving(settings.home)
    with serving.answers() as ask:
        ((_, _, is_sample),) = ask(report_query("published_version"), None).rows()
        if is_sample:
            sys.stderr.write("SAMPLE DATA: these figures are made up\n")
        if settings.warehouse == "snowflake":
            sys.stderr.write("asking Snowflake: the state folder has the newest days of usage only\n")
            warehouse = connect_warehouse(settings, naive_utc(datetime.now(UTC)))
            yield lambda sql, parameters: warehouse.read(Query(sql, parameters))
        else:
            if not serving.has_table(needed):
                raise ConfigurationError(
                    f"the published version is from before there was {needed}: `sophia-metrics run` publishes it"
                )
            yield ask
