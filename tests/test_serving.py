"""Readers see one published version, and keep it while a new one is published."""

import threading
from decimal import Decimal

import pytest

from sophia_metrics.errors import ConfigurationError, ServiceUnavailableError
from sophia_metrics.serving import Serving
from tests.lab import Lab, event

COUNT = "SELECT count(*) AS n FROM core_usage_events"


def published(folder):
    """Return a lab with one published call of 0.0035 USD."""
    lab = Lab(folder / "state")
    lab.ingest(lab.write("one.jsonl", [event("a")]))
    lab.publish()
    return lab


@pytest.fixture
def lab(tmp_path):
    return published(tmp_path)


@pytest.fixture(scope="module")
def still(tmp_path_factory):
    """A lab for tests that only read."""
    return published(tmp_path_factory.mktemp("still"))


def test_where_nothing_is_published_the_reader_is_told_what_to_do(tmp_path):
    serving = Serving(tmp_path)

    assert serving.version is None
    with pytest.raises(ConfigurationError, match=r"nothing is published in .* yet: `sophia-metrics run` does it"):
        serving.query("SELECT 1 AS one")


def test_reading_makes_nothing_in_the_state_folder(tmp_path):
    with pytest.raises(ConfigurationError):
        Serving(tmp_path).query("SELECT 1 AS one")

    assert list(tmp_path.iterdir()) == []


def test_a_query_returns_exact_decimals_and_binds_its_parameters(still):
    rows = still.serving.query(
        "SELECT model, cost_usd FROM core_usage_events WHERE provider = $provider", {"provider": "openai"}
    )

    assert rows.rows() == [("gpt-4o", Decimal("0.003500000000"))]


def test_a_reader_keeps_its_version_while_a_new_one_is_published(lab):
    with lab.serving.connection() as reader:
        before = reader.execute(COUNT).fetchone()
        lab.ingest(lab.write("two.jsonl", [event("b")]))
        lab.publish()

        assert (before, reader.execute(COUNT).fetchone()) == ((1,), (1,))
    assert (lab.serving.version, lab.serving.query(COUNT).item()) == (2, 2)


def test_a_publish_does_not_wait_for_a_reader(lab):
    lab.ingest(lab.write("two.jsonl", [event("b")]))
    with lab.serving.connection():
        writer = threading.Thread(target=lab.publish, daemon=True)
        writer.start()
        writer.join(timeout=30)

        assert not writer.is_alive()


def test_a_reader_cannot_write(still):
    with pytest.raises(ConfigurationError, match="read-only"):
        still.serving.query("DELETE FROM core_watermarks")


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELEC 1", "the query cannot run: Parser Error"),
        ("SELECT cost FROM mart_cost_daily", 'the query cannot run: Binder Error: Referenced column "cost"'),
        ("SELECT 1 WHERE $missing", "the query cannot run: Invalid Input Error"),
    ],
)
def test_a_wrong_query_is_the_readers_to_correct(still, sql, expected):
    with pytest.raises(ConfigurationError) as caught:
        still.serving.query(sql)

    assert str(caught.value).startswith(expected)


def test_a_file_that_is_gone_is_named_as_such_and_not_as_an_empty_result(lab):
    for path in lab.home.glob("core/usage_events/usage_on=2026*/*.parquet"):
        path.unlink()

    with pytest.raises(ServiceUnavailableError, match="a file of the published version"):
        lab.serving.query("SELECT sum(cost_usd) AS spend FROM core_usage_events")


def test_a_version_that_is_gone_is_told_apart_from_none(lab):
    (lab.home / "serving" / "v000001.duckdb").unlink()

    with pytest.raises(ConfigurationError, match=r"the published version v000001\.duckdb of .* is gone"):
        lab.serving.query("SELECT 1 AS one")


def test_the_session_of_a_reader_is_in_utc(still):
    assert still.serving.query("SELECT current_setting('TimeZone') AS zone").item() == "UTC"
