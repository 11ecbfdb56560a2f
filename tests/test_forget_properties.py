"""Whatever the calls: totals stay, nobody is left, and landing makes the same core again."""

from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from sophia_metrics.usage.identity import keyed_hash
from sophia_metrics.warehouse.protocol import Query
from sophia_metrics.windows import Window
from tests.effort import examples
from tests.forgotten import ADA, BOB, KEY, files_with, forgetter
from tests.lab import NOW, Lab, event

DIMENSIONS = ("usage_on", "provider", "model", "team", "environment", "source", "status", "price_status")
MEASURES = "count(*), sum(request_count), sum(input_tokens), sum(output_tokens), sum(cost_usd), sum(list_cost_usd)"

CALLS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "id": st.just("an id of its own"),
            "user": st.sampled_from([ADA, BOB]),
            "session": st.sampled_from(["s1", "s2", ADA]),
            "api_key": st.sampled_from(["k1", "k2"]),
            "project": st.sampled_from([ADA, "search"]),
            "team": st.sampled_from(["red", "blue"]),
            "trace_id": st.sampled_from(["t1", "t2"]),
            "tags": st.sampled_from([{"owner": ADA}, {ADA: "x", "feature": "chat"}, {"feature": "chat"}]),
            "started_at": st.sampled_from(["2026-11-18T10:00:00Z", "2026-11-19T23:59:59Z"]),
            "output_tokens": st.sampled_from([7, -1]),
            "prompt_hash": st.sampled_from(["p1", "p2"]),
        },
    ),
    min_size=1,
    max_size=12,
)


def totals(lab):
    query = " UNION ALL ".join(
        f"SELECT '{name}' AS dimension, CAST({name} AS VARCHAR) AS value, {MEASURES} FROM core_usage_events GROUP BY {name}"
        for name in DIMENSIONS
    )
    return lab.warehouse.read(Query(f"{query} ORDER BY ALL")).rows()


@settings(
    max_examples=examples(3),
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
@given(CALLS, CALLS)
def test_totals_stay_nobody_is_left_and_landing_makes_the_same_core_again(first, second):
    with TemporaryDirectory() as folder:
        lab = Lab(Path(folder) / "home")
        paths = [
            lab.write(
                name,
                [
                    {**event(None), **call, "id": call.get("id") and f"{name}-{place}"}
                    for place, call in enumerate(calls)
                ],
            )
            for name, calls in (("one.jsonl", first), ("two.jsonl", [{"user": ADA}, *second]))
        ]
        lab.ingest(*paths)
        lab.publish()
        before = totals(lab)

        forgetter(lab).forget(ADA, NOW)

        assert totals(lab) == before
        assert files_with(lab.home, keyed_hash(KEY, ADA)) == []
        assert lab.one(f"SELECT count(*) FROM core_usage_events WHERE project = '{ADA}' AND user_hash IS NULL") == 0
        erased = lab.core()
        lab.collector.rebuild([lab.source(*paths)], Window.of_days(NOW.date() - timedelta(days=2), NOW.date()), NOW)
        assert lab.core() == erased
        lab.ingest(*(path.rename(path.with_name(f"again-{path.name}")) for path in paths))
        assert lab.core() == erased
