"""The session runs in a private home: no setting, log or key of whoever runs it, and no network."""

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost", "0.0.0.0", "", None})  # noqa: S104 - compared, never bound
OURS = ("SOPHIA_", "PREFECT_", "SNOWFLAKE_")
ACCOUNT_HOSTS = (".snowflakecomputing.com", ".amazonaws.com", ".windows.net", ".googleapis.com")
"""What an account is reached by, with its stages; only where tests are to run on one."""

LONGEST = frozenset(
    {
        "test_chaos.py",
        "test_crash.py",
        "test_faults.py",
        "test_poison.py",
        "test_snowflake_contract.py",
        "test_snowflake_cuts.py",
        "test_snowflake_mirror.py",
        "test_snowflake_moving.py",
        "test_snowflake_serve.py",
        "test_worker.py",
    }
)


def pytest_collection_modifyitems(items):
    """Begin with the files that take longest: all workers would wait for the one that begins such a file last."""
    items.sort(key=lambda item: item.path.name not in LONGEST)


def pytest_configure(config):
    """Change the environment before any test module is imported: Prefect reads it on import."""
    private = Path(tempfile.mkdtemp(prefix="sophia-tests-"))
    caches = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    if os.environ.get("SOPHIA_TEST_SNOWFLAKE") == "1":
        os.environ["TESTS_ON_SNOWFLAKE"] = "1"  # under a name that is no setting; workers inherit it
    is_on_account = "TESTS_ON_SNOWFLAKE" in os.environ
    for name in [name for name in os.environ if name.startswith(OURS)]:
        if not (is_on_account and name.startswith("SNOWFLAKE_")):
            del os.environ[name]
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # else each process of a test compiles all that it imports
    os.environ.setdefault("UV_CACHE_DIR", f"{caches}/uv")
    os.environ |= {
        "HOME": str(private),
        "PREFECT_HOME": str(private / "prefect"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
        "DO_NOT_TRACK": "1",
    }
    # DuckDB 2.0's binding prints pages of leak reports when Python ends with Hypothesis or Prefect loaded.
    atexit.register(os.close, sys.stderr.fileno())
    config.add_cleanup(lambda: shutil.rmtree(private, ignore_errors=True))
    sys.addaudithook(_refuse_other_hosts)


def _refuse_other_hosts(event, arguments):
    if event == "socket.connect":
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else None
    elif event == "socket.getaddrinfo":
        host = arguments[0]
    else:
        return
    name = host.decode() if isinstance(host, bytes) else host
    if name not in LOOPBACK and not ("TESTS_ON_SNOWFLAKE" in os.environ and str(name).endswith(ACCOUNT_HOSTS)):
        raise PermissionError(f"tests reach no other host, and one asked for {name}")
