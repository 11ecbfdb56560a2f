"""A folder to run flows in, and Prefect's own server."""

import pytest
from prefect.testing.utilities import prefect_test_harness

from tests.flows.place import Place


@pytest.fixture
def place(tmp_path):
    """Three calls on two days, in one file of one source."""
    return Place.at(tmp_path)


@pytest.fixture(scope="session")
def prefect_server():
    """Prefect's own server, on a database of its own."""
    with prefect_test_harness(server_startup_timeout=120):
        yield
