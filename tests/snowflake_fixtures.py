"""Fixtures of Snowflake: a test module asks for them by pytest_plugins = ("tests.snowflake_fixtures",)."""

import logging
import shutil
from collections.abc import Iterator

import fakesnow
import pytest
from fakesnow import server as serve  # its name is that of a module too, once that is imported
from fakesnow.transforms.stage import LOCAL_BUCKET_PATH

from tests.snowflake_lab import IS_ON_ACCOUNT, PASSWORD, SnowflakeLab, account_lab, fake_settings, mended

NOISY = ("fakesnow.server", "uvicorn", "uvicorn.error", "uvicorn.access", "sqlglot")


@pytest.fixture(scope="session")
def snowflake_server() -> Iterator[dict]:
    """Yield where a mended fakesnow server listens: one for all tests of a process."""
    with pytest.MonkeyPatch.context() as patch:
        mended(patch)
        with serve() as place:
            for name in NOISY:  # its start sets their levels
                logging.getLogger(name).setLevel(logging.CRITICAL)
            yield place
    shutil.rmtree(LOCAL_BUCKET_PATH, ignore_errors=True)  # it leaves the files of its stages


@pytest.fixture
def snowflake(request) -> Iterator[SnowflakeLab]:
    """Yield an empty schema on the fakesnow server, or on the account, where it is dropped afterwards."""
    yield from _schema(request)


@pytest.fixture(scope="module")
def snowflake_of_module(request) -> Iterator[SnowflakeLab]:
    """Yield one schema for all tests of a module that only read what was written once."""
    yield from _schema(request)


def _schema(request) -> Iterator[SnowflakeLab]:
    if IS_ON_ACCOUNT:
        with account_lab() as lab:
            yield lab
        return
    lab = SnowflakeLab(fake_settings(request.getfixturevalue("snowflake_server")), {"SNOWFLAKE_PASSWORD": PASSWORD})
    yield lab
    lab.close()


@pytest.fixture
def patched_snowflake() -> Iterator[SnowflakeLab]:
    """Yield an empty schema of fakesnow's patch mode: no HTTP, what is sent is what is executed."""
    with pytest.MonkeyPatch.context() as patch:
        mended(patch)
        with fakesnow.patch():
            lab = SnowflakeLab(fake_settings({"host": "127.0.0.1", "port": 9}), {"SNOWFLAKE_PASSWORD": PASSWORD})
            yield lab
            lab.close()
