"""The key that turns direct identifiers into tokens, and the tokens themselves.

A token is `t<key id>.<32 hex>`: HMAC-SHA-256 over kind, NUL and the normalised value, cut to 16 bytes. Equal
people get equal tokens in every source, nobody without the key can get from a token back to a value, and the
key id says which key made it.
"""

from __future__ import annotations

import hmac
import json
import os
import re
import secrets
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from shirube import durable
from shirube.casting import normalise_identifier
from shirube.home import Home
from shirube.locks import held

KEY_VARIABLE = "SHIRUBE_TOKEN_KEY"
KEY_ID_VARIABLE = "SHIRUBE_TOKEN_KEY_ID"
KEY_BYTES = 32
SHORTEST_KEY_BYTES = 16

_TOKEN_BYTES = 16
_KEY_ID = re.compile(r"[A-Za-z0-9]{1,16}")


class TokenKeyError(RuntimeError):
    """The token key is too short, readable by others, or not the one this data home was made with."""


@dataclass(frozen=True)
class TokenKey:
    """A key and its id; its text form never shows the secret."""

    key_id: str
    secret: bytes = field(repr=False)

    def token(self, kind: str, normalised: str) -> str:
        """Token of one value in the normal form of its kind."""
        return self.tokens(kind, [normalised])[0] or ""

    def tokens(self, kind: str, normalised: Iterable[str | None]) -> list[str | None]:
        """Tokens of many values in the normal form of their kind; null stays null."""
        keyed = hmac.new(self.secret, f"{kind}\0".encode(), "sha256")
        tokens: list[str | None] = []
        for spelling in normalised:
            if spelling is None:
                tokens.append(None)
                continue
            one = keyed.copy()
            one.update(spelling.encode())
            tokens.append(f"t{self.key_id}.{one.hexdigest()[: 2 * _TOKEN_BYTES]}")
        return tokens

    @property
    def fingerprint(self) -> str:
        """16 hex that identify the key without telling anything about it."""
        return hmac.digest(self.secret, b"shirube token key fingerprint", "sha256")[:8].hex()


def load_key(home: Home) -> TokenKey:
    """The key of this data home: `$SHIRUBE_TOKEN_KEY`, else `vault/token.key`, generated when there is none.

    The first use writes the key's fingerprint to `vault/key_id.json`. Raises `TokenKeyError` when the vault
    already holds identifiers made with another key, because new tokens would then match no old ones.
    """
    key_id = os.environ.get(KEY_ID_VARIABLE) or "1"
    if not _KEY_ID.fullmatch(key_id):
        raise TokenKeyError(
            f"{KEY_ID_VARIABLE} は英数字 16 字以内です。 / must be 1 to 16 letters or digits."
        )
    configured = os.environ.get(KEY_VARIABLE)
    home.vault.mkdir(mode=0o700, parents=True, exist_ok=True)
    with held(home.vault / "key.lock"):
        for leftover in home.vault.glob(durable.LEFTOVERS):
            leftover.unlink()
        secret = _configured_secret(configured) if configured else _stored_secret(home.vault / "token.key")
        key = TokenKey(key_id, secret)
        _confirm_same_key(home, key)
    return key


def tokenise(values: pa.Array, kind: str, key: TokenKey) -> tuple[pa.Array, pa.Table]:
    """Tokens for one column (null stays null), and the distinct `token` and `value` as written behind them.

    Each distinct value is normalised and hashed once, however often it occurs in the column.
    """
    encoded = (values if pa.types.is_string(values.type) else values.cast(pa.string())).dictionary_encode()
    written = encoded.dictionary
    tokens = pa.array(key.tokens(kind, normalise_identifier(kind, written).to_pylist()), pa.string())
    found = pa.table({"token": tokens, "value": pc.utf8_trim_whitespace(written)}).filter(tokens.is_valid())
    return tokens.take(encoded.indices), found


def _configured_secret(text: str) -> bytes:
    stripped = text.strip()
    secret = (
        bytes.fromhex(stripped) if re.fullmatch(r"(?:[0-9a-fA-F]{2}){16,}", stripped) else stripped.encode()
    )
    if len(secret) < SHORTEST_KEY_BYTES:
        raise TokenKeyError(
            f"{KEY_VARIABLE} が短すぎます({SHORTEST_KEY_BYTES} バイト以上)。 / is shorter than "
            f"{SHORTEST_KEY_BYTES} bytes; use for example 64 hexadecimal digits."
        )
    return secret


def _stored_secret(file: Path) -> bytes:
    if not file.exists():
        _write_private(file, secrets.token_bytes(KEY_BYTES).hex())
    if stat.S_IMODE(file.stat().st_mode) & 0o077:
        raise TokenKeyError(
            f"鍵 {file} が他の利用者から読めます。chmod 600 にしてください。 / "
            "The token key can be read by others: chmod 600."
        )
    return _configured_secret(file.read_text())


def _confirm_same_key(home: Home, key: TokenKey) -> None:
    record = home.vault / "key_id.json"
    mine = {"key_id": key.key_id, "fingerprint": key.fingerprint}
    if not record.exists():
        _write_private(record, json.dumps(mine, sort_keys=True))
    kept = json.loads(record.read_text())
    if kept == mine:
        return
    if _any_file(home.vault / "identifiers"):
        raise TokenKeyError(
            f"トークンの鍵がこのデータホームのものと違います(記録 id {kept.get('key_id')}、"
            f"今の id {key.key_id})。元の鍵に戻してください。 / The token key is not the one this data home "
            f"was made with (see {record.name} in the vault): new tokens would match no old ones. "
            "Restore the key, or start a new data home."
        )
    _write_private(record, json.dumps(mine, sort_keys=True))


def _write_private(file: Path, line: str) -> None:
    with durable.replacing(file, durable.PRIVATE) as handle:
        handle.write(f"{line}\n".encode())


def _any_file(folder: Path) -> bool:
    files: Iterable[Path] = folder.rglob("*.parquet") if folder.is_dir() else ()
    return next(iter(files), None) is not None
