"""People's identifiers become keyed hashes before anything is written.

HMAC-SHA256 (RFC 2104) with the installation's secret, cut to 128 bits: equal people stay equal,
and nobody can look one up without the secret.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

import duckdb

from sophia_metrics.errors import ConfigurationError

__all__ = ["Identity", "load_identity"]

KEY_NAME = "identity.key"
BLOCK_BYTES = 64
MIN_SECRET_BYTES = 16


@dataclass(frozen=True, slots=True, repr=False)
class Identity:
    """How identifiers are written: `secret` is the key of the hash, or None for plain text."""

    secret: bytes | None

    def install(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Give the connection `identity_hash(text)`; the key is a bound value, never part of a statement."""
        if self.secret is None:
            connection.execute("CREATE OR REPLACE TEMP MACRO identity_hash(value) AS value")
            return
        key = self.secret.ljust(BLOCK_BYTES, b"\0")
        for name, mask in (("identity_inner", 0x36), ("identity_outer", 0x5C)):
            connection.execute(f"SET VARIABLE {name} = (SELECT $1::BLOB)", [bytes(byte ^ mask for byte in key)])
        connection.execute(
            "CREATE OR REPLACE TEMP MACRO identity_hash(value) AS substr(sha256(getvariable('identity_outer') || "
            "unhex(sha256(getvariable('identity_inner') || encode(value)))), 1, 32)"
        )


def load_identity(folder: Path, *, plain: bool = False, secret: str | None = None) -> Identity:
    """Return the installation's way of writing identifiers; the first call writes identity.key (mode 0600).

    Args:
        folder: the state folder.
        plain: write identifiers as they come.
        secret: the key from the environment; None: the one in identity.key.

    Raises:
        ConfigurationError: the secret is too short.
    """
    if plain:
        return Identity(None)
    if secret is None:
        return Identity(_read_or_create(folder / KEY_NAME))
    key = secret.encode()
    if not MIN_SECRET_BYTES <= len(key) <= BLOCK_BYTES:
        raise ConfigurationError(
            f"SOPHIA_IDENTITY_SECRET must have {MIN_SECRET_BYTES} to {BLOCK_BYTES} bytes: "
            "take the output of `python -c 'import secrets; print(secrets.token_hex(32))'`"
        )
    return Identity(key)


def _read_or_create(path: Path) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(token_hex(BLOCK_BYTES // 2))
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(temporary, path)  # the first of two processes wins; the other reads its key
    except FileExistsError:
        pass
    finally:
        temporary.unlink()
    return path.read_bytes().strip()
