"""What lets an installation in: kept for its owner alone, and whole after a crash anywhere."""

import base64
import json
from pathlib import Path

import durable
import identity
import pytest
from credentials import PENDING, TOKEN, Credentials, CredentialsError, new_token, read_private

HERE = "0123456789abcdef" * 2


def credentials(state: Path) -> Credentials:
    """The credentials in a folder, as a new run finds them."""
    who, _ = identity.load(state, HERE)
    return Credentials(state, who)


def test_a_token_is_256_bits_that_are_never_the_same() -> None:
    made = {new_token() for _ in range(100)}
    assert len(made) == 100
    assert {len(base64.urlsafe_b64decode(token + "=")) for token in made} == {32}


def test_what_is_registered_is_in_force_afterwards(tmp_path: Path) -> None:
    mine = credentials(tmp_path)
    assert (mine.held, mine.pending) == (None, None)
    planned = mine.plan()
    again = credentials(tmp_path)
    assert (again.held, again.pending) == (None, planned)
    again.registered()
    found = credentials(tmp_path)
    assert found.held == (found.id_agente, planned.token)
    assert found.pending is None
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


@pytest.mark.parametrize("writes", [0, 1, 2])
def test_a_crash_while_an_identity_changes_leaves_what_can_be_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writes: int
) -> None:
    """Whatever was written before it, the next run registers the same again, with what it has."""
    mine = credentials(tmp_path)
    mine.plan()
    mine.registered()
    planned = mine.plan("00000000-0000-4000-8000-000000000001")
    crash_after(writes, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        mine.registered()
    monkeypatch.undo()
    found = credentials(tmp_path)
    assert found.pending is not None
    assert found.pending[:2] == planned[:2]
    assert found.held is not None
    found.registered()
    assert credentials(tmp_path).held == planned[:2]
    assert credentials(tmp_path).id_agente == planned.id_agente


def crash_after(writes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let so many files be written or removed, and end at the next."""
    left = [writes]

    def counted(function: object) -> object:
        def run(*arguments: object, **options: object) -> object:
            if not left[0]:
                raise KeyboardInterrupt
            left[0] -= 1
            return function(*arguments, **options)  # type: ignore[operator]

        return run

    monkeypatch.setattr(durable, "write", counted(durable.write))
    monkeypatch.setattr(Path, "unlink", counted(Path.unlink))


def test_what_another_machine_was_registering_is_not_ours(tmp_path: Path) -> None:
    credentials(tmp_path).plan()
    who, _ = identity.load(tmp_path, "fedcba9876543210" * 2)
    assert Credentials(tmp_path, who).pending is None


def test_a_copied_disk_has_the_others_token(tmp_path: Path) -> None:
    mine = credentials(tmp_path)
    mine.plan()
    mine.registered()
    assert not mine.is_cloned()
    who, _ = identity.load(tmp_path, "fedcba9876543210" * 2)
    assert Credentials(tmp_path, who).is_cloned()


@pytest.mark.parametrize("name", [TOKEN, PENDING])
@pytest.mark.parametrize(
    "damage",
    [b"", b"{", b"[]", b"\xff", b"null", b'{"id_agente": 1}', b'{"token": "x"}',
     b'{"id_agente": "../x", "token": "x"}', b'{"id_agente": "x", "token": "x", "mas": 1}'],
    ids=ascii,
)  # fmt: skip
def test_damage_counts_as_nothing(tmp_path: Path, name: str, damage: bytes) -> None:
    (tmp_path / name).write_bytes(damage)
    (tmp_path / name).chmod(0o600)
    found = credentials(tmp_path)
    assert (found.held, found.pending) == (None, None)


@pytest.mark.parametrize("token", ["a\nb", "a\r\nX-Mas: 1", "ñ", "\0"])
def test_a_token_can_not_write_headers(tmp_path: Path, token: str) -> None:
    mine = credentials(tmp_path)
    kept = {"id_agente": mine.id_agente, "token": token}
    (tmp_path / TOKEN).write_text(json.dumps(kept))
    (tmp_path / TOKEN).chmod(0o600)
    assert credentials(tmp_path).held is None


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602])
def test_a_file_of_others_is_refused(tmp_path: Path, mode: int) -> None:
    file = tmp_path / TOKEN
    file.write_text("{}")
    file.chmod(mode)
    with pytest.raises(CredentialsError, match="chmod 600"):
        read_private(file)
    assert read_private(tmp_path / "missing") is None
