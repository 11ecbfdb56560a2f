"""People's identifiers are written as keyed hashes; the key is made once and stays private."""

import hashlib
import hmac
import stat
import subprocess
import sys

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sophia_metrics.errors import ConfigurationError
from sophia_metrics.usage.identity import Identity, load_identity

SECRET = "correct horse battery staple"  # noqa: S105 - a key of the tests


def hashed(identity, *texts):
    with duckdb.connect() as connection:
        identity.install(connection)
        return [connection.execute("SELECT identity_hash($1)", [text]).fetchone()[0] for text in texts]


@settings(max_examples=25, deadline=None)
@given(
    st.binary(min_size=16, max_size=64),
    st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), max_size=5),
)
def test_the_hash_is_hmac_sha256_cut_to_128_bits(key, texts):
    expected = [hmac.new(key, text.encode(), hashlib.sha256).hexdigest()[:32] for text in texts]

    assert hashed(Identity(key), *texts) == expected


def test_the_hash_of_nobody_is_null():
    assert hashed(Identity(SECRET.encode()), None) == [None]


def test_plain_identifiers_stay_as_they_come(tmp_path):
    identity = load_identity(tmp_path, plain=True)

    assert hashed(identity, "ada@example.com") == ["ada@example.com"]
    assert not (tmp_path / "identity.key").exists()


def test_the_secret_of_the_environment_is_the_key_and_no_file_is_written(tmp_path):
    assert load_identity(tmp_path, secret=SECRET) == Identity(SECRET.encode())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("secret", ["", "fifteen letters", "x" * 65])
def test_a_secret_of_the_wrong_length_is_refused_without_being_shown(tmp_path, secret):
    with pytest.raises(ConfigurationError, match="SOPHIA_IDENTITY_SECRET must have 16 to 64 bytes") as caught:
        load_identity(tmp_path, secret=secret)

    assert not secret or secret not in str(caught.value)


def test_the_first_call_writes_a_key_that_only_its_owner_can_read(tmp_path):
    load_identity(tmp_path / "state")

    key = tmp_path / "state" / "identity.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert len(bytes.fromhex(key.read_text())) == 32


def test_later_calls_read_the_key_and_leave_nothing_else_behind(tmp_path):
    first = load_identity(tmp_path)

    assert load_identity(tmp_path) == first
    assert [path.name for path in tmp_path.iterdir()] == ["identity.key"]


def test_two_installations_have_two_keys(tmp_path):
    assert load_identity(tmp_path / "one") != load_identity(tmp_path / "two")


def test_processes_that_start_at_once_agree_on_one_key(tmp_path):
    program = (
        "import sys; from pathlib import Path; from sophia_metrics.usage.identity import load_identity\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "print(load_identity(Path(sys.argv[1])).secret.hex())"
    )
    running = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    assert [process.stdout.readline() for process in running] == ["ready\n"] * 3
    for process in running:
        process.stdin.write("go\n")
        process.stdin.flush()
    keys = {process.communicate(timeout=30)[0] for process in running}

    assert keys == {load_identity(tmp_path).secret.hex() + "\n"}


@pytest.mark.parametrize("content", ["", "short", "x" * 65])
def test_a_damaged_key_is_refused_instead_of_giving_everybody_another_hash(tmp_path, content):
    (tmp_path / "identity.key").write_text(content)

    with pytest.raises(ConfigurationError, match=r"identity\.key is damaged: restore it from a backup"):
        load_identity(tmp_path)


def test_an_identity_does_not_show_its_key_when_printed():
    assert SECRET not in f"{Identity(SECRET.encode())!r} {Identity(SECRET.encode())}"
