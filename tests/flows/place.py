"""A folder with a sophia.toml and one source, in which flows run as they do at a user's."""

import json
from dataclasses import dataclass
from pathlib import Path

from sophia_metrics.connect import connect_warehouse
from sophia_metrics.serving import Serving
from sophia_metrics.settings import load_settings
from sophia_metrics.warehouse.protocol import Query
from tasks.clock import utc_now

__all__ = ["Place", "call"]

SETTINGS = """
[[sources]]
name = "gateway"
format = "events"
billing = "api"
paths = ["usage"]

[gate]
min_rows = 2

[quality]
checkpoint = false
"""


@dataclass(frozen=True)
class Place:
    """A folder with a sophia.toml and one source, `gateway`, whose files are in usage/."""

    folder: Path

    @property
    def config(self):
        return str(self.folder)

    @classmethod
    def at(cls, folder):
        """Three calls on two days, in one file."""
        (folder / "sophia.toml").write_text(SETTINGS)
        place = cls(folder)
        place.write("usage.jsonl", call("a"), call("b"), call("c", day="2025-11-19"))
        return place

    def write(self, name, *calls):
        """Write a usage file."""
        path = self.folder / "usage" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join(json.dumps(call) + "\n" for call in calls))
        return path

    def runs(self):
        """Return (flow, status, rows read, whether it ended) of every recorded run, the oldest first."""
        query = Query(
            "SELECT flow, run_status, row_count, ended_at IS NOT NULL AS is_ended "
            "FROM core_pipeline_runs ORDER BY started_at"
        )
        return connect_warehouse(load_settings(self.folder), utc_now()).read(query).rows()

    def serve(self, sql):
        """Return rows of the published version."""
        return Serving(load_settings(self.folder).home).query(sql).rows()


def call(ident, day="2025-11-18", **fields):
    """One call of gpt-4o with 1,000 input and 100 output tokens: 0.0035 USD at 2.50 and 10.00 a million."""
    known = {"provider": "openai", "model": "gpt-4o", "input_tokens": 1000, "output_tokens": 100}
    return {"id": ident, "started_at": f"{day}T10:00:00Z", **known, **fields}
