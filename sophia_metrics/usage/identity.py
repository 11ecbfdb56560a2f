"""People's identifiers become keyed hashes before anything is written.

HMAC-SHA256 (RFC 2104) with the installation's secret, cut to 128 bits: equal people stay equal,
and nobody can look one up without the secret.
"""

import hashlib
import hmac
import os
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from tempfile import mkstemp

import duckdb

from sophia_metrics.durable import make_folder, sync_folder
from sophia_metrics.errors import ConfigurationError

__all__ = ["AS_THEY_COME", "KEY_NAME", "Identity", "install_keyed_hash", "keyed_hash", "load_identity"]

KEY_NAME = "identity.key"
BLOCK_BYTES = 64
"""The block of SHA-256: HMAC pads a shorter key, and would hash a longer one."""
MIN_SECRET_BYTES = 16
HASH_DIGITS = 32


@dataclass(frozen=True, slots=True, repr=False)
class Identity:
    """How identifiers are written.

    Attributes:
        secret: the key of the hash. None: identifiers stay plain text.
        plain_key: where they do, the key by which people are forgotten. None: nobody ever was.
    """

    secret: bytes | None
    plain_key: bytes | None = None

    @property
    def key(self) -> bytes:
        """The installation's secret, by which people are forgotten too.

        Raises:
            ConfigurationError: identifiers are plain text, and identity.key is gone.
        """
        key = self.secret or self.plain_key
        if key is None:
            raise ConfigurationError(
                f"{KEY_NAME} is gone, without which nobody who was forgotten is known again: restore it from a backup"
            )
        return key

    def install(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Give the connection `identity_hash(text)`; the key is a bound value, never part of a statement.

        The hash is 32 hex digits; the hash of null is null.
        """
        if self.secret is None:
            connection.execute("CREATE OR REPLACE TEMP MACRO identity_hash(value) AS value")
            return
        install_keyed_hash(connection, "identity_hash", self.secret)


AS_THEY_COME = Identity(None)
"""For rows whose identifiers are hashed already."""


def keyed_hash(key: bytes, text: str) -> str:
    """Return the hash that stands for a text: HMAC-SHA256, the first 128 bits in hex."""
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()[:HASH_DIGITS]


def install_keyed_hash(connection: duckdb.DuckDBPyConnection, name: str, key: bytes) -> None:
    """Give the connection `name(text)`, the same as `keyed_hash`; the key is never part of a statement."""
    padded = key.ljust(BLOCK_BYTES, b"\0")
    for part, mask in (("inner", 0x36), ("outer", 0x5C)):
        connection.execute(f"SET VARIABLE {name}_{part} = (SELECT $1::BLOB)", [bytes(byte ^ mask for byte in padded)])
    connection.execute(
        f"CREATE OR REPLACE TEMP MACRO {name}(value) AS substr(sha256(getvariable('{name}_outer') || "
        f"unhex(sha256(getvariable('{name}_inner') || encode(value)))), 1, {HASH_DIGITS})"
    )


def load_identity(folder: Path, *, plain: bool = False, secret: str | None = None) -> Identity:
    """Return the installation's way of writing identifiers; the first call writes identity.key (mode 0600).

    Args:
        folder: the state folder.
        plain: write identifiers as they come.
        secret: the key from the environment; None: the one in identity.key.

    Raises:
        ConfigurationError: the secret is too short or too long, or identity.key is damaged, or not readable.
    """
    if plain:
        path = folder / KEY_NAME
        return Identity(None, _secret(secret) if secret is not None else _read(path) if path.exists() else None)
    return Identity(_read_or_create(folder / KEY_NAME) if secret is None else _secret(secret))


def _secret(secret: str) -> bytes:
    key = secret.encode()
    if not MIN_SECRET_BYTES <= len(key) <= BLOCK_BYTES:
        raise ConfigurationError(
            f"SOPHIA_IDENTITY_SECRET must have {MIN_SECRET_BYTES} to {BLOCK_BYTES} bytes: "
            "take the output of `python -c 'import secrets; print(secrets.token_hex(32))'`"
        )
    return key


def _read_or_create(path: Path) -> bytes:
    if not path.exists():
        _create(path)
    return _read(path)


def _read(path: Path) -> bytes:
    try:
        key = path.read_bytes().strip()
    except PermissionError as error:
        raise ConfigurationError(
            f"{path} may not be read: run as the user who owns it, or make this user its owner"
        ) from error
    if not MIN_SECRET_BYTES <= len(key) <= BLOCK_BYTES:
        raise ConfigurationError(
            f"{path} is damaged: restore it from a backup. Without it, people in new rows get other hashes "
            "than they have in old ones"
        )
    return key


def _create(path: Path) -> None:
    """Write a new key, unless another process has just done so: the first one wins."""
    make_folder(path.parent)
    descriptor, temporary = mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")  # mode 0600
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(token_hex(BLOCK_BYTES // 2))
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, path)
    except FileExistsError:
        return
    finally:
        Path(temporary).unlink()
    sync_folder(path.parent)
