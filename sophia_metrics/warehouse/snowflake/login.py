"""From settings and secrets to the arguments of a connection. A secret is read where it is used, and kept nowhere."""

from collections.abc import Callable
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from sophia_metrics.errors import ConfigurationError
from sophia_metrics.warehouse.snowflake.settings import SnowflakeSettings

__all__ = ["ReadSecret", "connection_arguments"]

ReadSecret = Callable[[str], str | None]
"""Returns the value of a variable of the environment. None: it is unset or empty."""
SPARE_SECONDS = 60
"""The client waits so much longer than the server for a statement."""


def connection_arguments(
    settings: SnowflakeSettings, read_secret: ReadSecret, *, lock_wait_seconds: float, answer_within_seconds: int | None
) -> dict[str, Any]:
    """Return the arguments of snowflake.connector.connect.

    Args:
        settings: who logs in where, and how.
        read_secret: returns the variables that the settings name.
        lock_wait_seconds: so long a statement waits for the lock of another transaction.
        answer_within_seconds: so long one HTTP request may take. None: the connector's own minute.

    Raises:
        ConfigurationError: a variable that the settings name is not set, or the private key cannot be used.
    """
    arguments: dict[str, Any] = {
        "account": settings.account,
        "user": settings.user,
        "role": settings.role,
        "warehouse": settings.warehouse,
        "database": settings.database,
        "schema": settings.schema_name,
        "port": settings.port,
        "protocol": settings.protocol,
        "paramstyle": "qmark",
        "autocommit": True,
        "timezone": "UTC",
        "login_timeout": settings.login_timeout_seconds,
        "network_timeout": settings.statement_timeout_seconds + SPARE_SECONDS,
        "socket_timeout": answer_within_seconds,
        "validate_default_parameters": True,
        "arrow_number_to_decimal": True,  # else decimals come as doubles
        "platform_detection_timeout_seconds": 0.0,  # else it asks the metadata services of three clouds
        "log_imported_packages_in_telemetry": False,
        "session_parameters": _session_parameters(settings, lock_wait_seconds),
    }
    if settings.host is not None:
        arguments["host"] = settings.host
    return arguments | _credentials(settings, read_secret)


def _session_parameters(settings: SnowflakeSettings, lock_wait_seconds: float) -> dict[str, str | int | bool]:
    """Return what holds for the session, whatever account and user have as their defaults."""
    return {
        "QUERY_TAG": settings.query_tag,
        "STATEMENT_TIMEOUT_IN_SECONDS": settings.statement_timeout_seconds,
        "LOCK_TIMEOUT": max(1, int(lock_wait_seconds)),
        "ABORT_DETACHED_QUERY": True,
        "TIMESTAMP_TYPE_MAPPING": "TIMESTAMP_NTZ",
        "TIMESTAMP_INPUT_FORMAT": "AUTO",
        "DATE_INPUT_FORMAT": "AUTO",
        "WEEK_START": 1,
        "ERROR_ON_NONDETERMINISTIC_MERGE": True,
        "CLIENT_TELEMETRY_ENABLED": False,
        "CLIENT_OUT_OF_BAND_TELEMETRY_ENABLED": False,
    }


def _credentials(settings: SnowflakeSettings, read_secret: ReadSecret) -> dict[str, Any]:
    if settings.way == "key_pair":
        return {"authenticator": "SNOWFLAKE_JWT", "private_key": _private_key(settings, read_secret)}
    if settings.way == "password":
        return {"authenticator": "SNOWFLAKE", "password": _secret(read_secret, settings.password_env, "password")}
    authenticator = "PROGRAMMATIC_ACCESS_TOKEN" if settings.way == "token" else "OAUTH"
    return {"authenticator": authenticator, "token": _secret(read_secret, settings.token_env, "token")}


def _secret(read_secret: ReadSecret, variable: str, what: str) -> str:
    value = read_secret(variable)
    if not value:
        raise ConfigurationError(
            f"Snowflake waits for the {what}: set the variable {variable} in the environment, or another way to log in "
            "with authentication in [snowflake]"
        )
    return value


def _private_key(settings: SnowflakeSettings, read_secret: ReadSecret) -> RSAPrivateKey | EllipticCurvePrivateKey:
    """Return the private key. No message repeats a word of the file."""
    path = settings.private_key_path
    passphrase = read_secret(settings.private_key_passphrase_env)
    if path is None:
        raise ConfigurationError("authentication = 'key_pair' needs private_key_path in [snowflake]")
    try:
        key = load_pem_private_key(path.read_bytes(), passphrase.encode() if passphrase else None)
    except OSError as error:
        raise ConfigurationError(
            f"the private key {path} cannot be read ({error.strerror}): correct private_key_path, or give this user "
            "read permission"
        ) from error
    except TypeError:
        needs = "has no passphrase: unset" if passphrase else "has a passphrase: put it into"
        raise ConfigurationError(
            f"the private key {path} {needs} the variable {settings.private_key_passphrase_env}"
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise ConfigurationError(
            f"the private key {path} cannot be used: it is no key in PEM, or its passphrase is not the one in "
            f"{settings.private_key_passphrase_env}"
        ) from None
    if not isinstance(key, (RSAPrivateKey, EllipticCurvePrivateKey)):
        raise ConfigurationError(f"the private key {path} is of a kind that Snowflake does not take: make one for RSA")
    return key
