"""Keys, tokens and the vault: only the owner reads, and only with the right key do tokens join."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pyarrow as pa
import pytest
from shirube import durable, vault
from shirube.home import Home
from shirube.keys import (
    KEY_ID_VARIABLE,
    KEY_VARIABLE,
    TokenKey,
    TokenKeyError,
    load_key,
    tokenise,
)

KEY = TokenKey("1", b"k" * 32)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    monkeypatch.delenv(KEY_ID_VARIABLE, raising=False)
    return Home.resolve(tmp_path / "home")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def store(home: Home, source: str, landing_id: str, *rows: tuple[str, str, str]) -> Path:
    folder = vault.private_folder(home, "identifiers", source)
    names = vault.IDENTIFIERS_SCHEMA.names
    with durable.undecided(folder, durable.PRIVATE) as draft:
        with vault.IdentifierWriter(draft.handle) as writer:
            writer.write(pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in rows]))
        draft.keep_as(vault.identifiers_file(home, source, landing_id))
    return vault.identifiers_file(home, source, landing_id)


def test_the_generated_key_is_private_and_stays(home: Home) -> None:
    first = load_key(home)
    assert mode(home.vault) == 0o700
    assert mode(home.vault / "token.key") == mode(home.vault / "key_id.json") == 0o600
    assert load_key(home) == first and len(first.secret) == 32
    assert not list(home.vault.glob(".*"))
    assert first.secret.hex() not in (home.vault / "key_id.json").read_text()
    assert first.secret.hex() not in repr(first) and repr(first.secret) not in repr(first)


def test_a_key_others_can_read_is_refused(home: Home) -> None:
    load_key(home)
    (home.vault / "token.key").chmod(0o640)
    with pytest.raises(TokenKeyError, match="chmod 600"):
        load_key(home)


def test_the_environment_wins_and_its_id_is_in_the_token(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "ab" * 32)
    monkeypatch.setenv(KEY_ID_VARIABLE, "7")
    key = load_key(home)
    assert key.secret == bytes.fromhex("ab" * 32)
    assert key.token("email", "a@example.jp").startswith("t7.")
    assert not (home.vault / "token.key").exists()


@pytest.mark.parametrize("text", ["short", "ab" * 7])
def test_a_short_key_is_refused(home: Home, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(KEY_VARIABLE, text)
    with pytest.raises(TokenKeyError, match="shorter than"):
        load_key(home)


def test_another_key_is_refused_once_there_are_identifiers(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_key(home)
    monkeypatch.setenv(KEY_VARIABLE, "cd" * 32)
    load_key(home)  # nothing to mismatch with yet
    store(home, "crm", "b-1", ("t1.x", "name", "架空 太郎"))
    monkeypatch.setenv(KEY_VARIABLE, "ef" * 32)
    with pytest.raises(TokenKeyError, match="would match no old ones") as caught:
        load_key(home)
    assert "efef" not in str(caught.value)
    assert json.loads((home.vault / "key_id.json").read_text())["key_id"] == "1"


def test_tokens_are_keyed_by_kind_and_normalised(home: Home) -> None:
    values = pa.array(["Taro@Example.JP ", "taro@example.jp", None, "  ", "ｔａｒｏ@example.jp"])
    tokens, found = tokenise(values, "email", KEY)
    assert tokens.to_pylist()[0] == tokens.to_pylist()[1] == tokens.to_pylist()[4]
    assert tokens.to_pylist()[2] is tokens.to_pylist()[3] is None
    assert len(tokens[0].as_py()) == len("t1.") + 32
    assert set(found["value"].to_pylist()) == {"Taro@Example.JP", "taro@example.jp", "ｔａｒｏ@example.jp"}
    as_name, _ = tokenise(values, "name", KEY)
    assert as_name[1] != tokens[1]
    other, _ = tokenise(values, "email", TokenKey("1", b"j" * 32))
    assert other[1] != tokens[1]


@pytest.mark.parametrize(
    ("kind", "left", "right"),
    [
        ("name", "架空　太郎 ", "架空 太郎"),
        ("kana", "ｶｸｳ ﾀﾛｳ", "かくう　たろう"),
        ("phone", "０３-1234-5678", "03(1234)5678"),
        ("ip", " 192.0.2.1", "192.0.2.1"),
    ],
)
def test_spellings_that_mean_the_same_give_one_token(kind: str, left: str, right: str) -> None:
    tokens, found = tokenise(pa.array([left, right]), kind, KEY)
    assert tokens[0].is_valid and tokens[0] == tokens[1]
    assert set(found["value"].to_pylist()) == {left.strip(), right.strip()}


def test_variant_kanji_stay_different_names() -> None:
    tokens, _ = tokenise(pa.array(["髙橋", "高橋"]), "name", KEY)
    assert tokens[0] != tokens[1]


def test_dates_are_tokenised_as_iso_text() -> None:
    import datetime

    tokens, found = tokenise(pa.array([datetime.date(1970, 6, 12), None]), "birth_date", KEY)
    assert tokens[0].as_py() == KEY.token("birth_date", "1970-06-12") and tokens[1].as_py() is None
    assert found.to_pylist() == [{"token": tokens[0].as_py(), "value": "1970-06-12"}]


def test_reveal_returns_only_what_was_asked_for(home: Home) -> None:
    file = store(
        home,
        "crm",
        "b-1",
        ("t1.a", "name", "架空 太郎"),
        ("t1.b", "name", "架空 花子"),
        ("t1.a", "kana", "カ"),
    )
    store(home, "dcf", "b-2", ("t1.a", "name", "架空　太郎"))
    assert mode(file) == 0o600 and mode(file.parent) == 0o700 and mode(file.parent.parent) == 0o700
    assert vault.reveal(home, ["t1.a", "t1.z"], "name") == {"t1.a": "架空 太郎"}
    assert vault.reveal(home, ["t1.a"], "email") == {}
    assert vault.reveal(home, [], "name") == {}


def test_a_vault_that_others_can_enter_is_refused(home: Home) -> None:
    file = store(home, "crm", "b-1", ("t1.a", "name", "架空 太郎"))
    file.chmod(0o644)
    with pytest.raises(vault.VaultPermissionError, match="chmod 600"):
        vault.reveal(home, ["t1.a"], "name")
    file.chmod(0o600)
    home.vault.chmod(0o755)
    with pytest.raises(vault.VaultPermissionError, match="chmod 700"):
        vault.private_folder(home, "received", "crm")


def test_a_draft_that_fails_leaves_nothing(home: Home) -> None:
    folder = vault.private_folder(home, "received", "crm")
    with pytest.raises(RuntimeError), durable.undecided(folder, durable.PRIVATE) as draft:
        draft.handle.write(b"half")
        draft.keep_as(folder / "whole.bin")
        raise RuntimeError
    assert list(folder.iterdir()) == []
