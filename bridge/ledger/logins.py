"""Logins: accounts of Matrix users on networks. Their secrets lie encrypted (AES-256-GCM) under the key file.

The key file may hold any bytes; the encryption key is derived from them (HKDF-SHA256). Each box is bound to its network
and name, so one login's secrets can't be passed off as another's.
"""

import os
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, and_, delete, select

from bridge.contract.logins import Login
from bridge.ledger import schema
from bridge.ledger.core import Core
from bridge.ledger.errors import LedgerRefused, NoKey, Taken
from bridge.ledger.upsert import upsert
from bridge.ledger.work import Work
from bridge.model.ids import IdentityId, NetworkName

_table = schema.logins
_ENCODER = msgspec.msgpack.Encoder()
_SECRETS = msgspec.msgpack.Decoder(dict[str, str])
_NONCE = 12


class Logins:
    """Verbs of logins; `Ledger` offers them."""

    def __init__(self, core: Core, key: bytes | None) -> None:
        self._core = core
        self._key = key

    async def logins(self, user: str | None = None) -> list[Login]:
        """Of one Matrix user, or all. Raises `NoKey` where there are any and the key file is missing."""
        query = select(_table).order_by(_table.c.network, _table.c.name)
        if user is not None:
            query = query.where(_table.c.user == user)
        rows = await self._core.read(lambda connection: connection.execute(query).all())
        return [_login(row, self._key) for row in rows]

    async def save_login(self, login: Login) -> None:
        """Make or change one. Raises `Taken` where the name is another user's, and `NoKey` without a key."""
        values = {
            "network": login.network,
            "name": login.name,
            "user": login.user,
            "identity_network": None if login.identity is None else login.identity.network,
            "identity": None if login.identity is None else login.identity.id,
            "secrets": _seal(self._key, _place(login.network, login.name), _ENCODER.encode(dict(login.secrets))),
        }
        here = and_(_table.c.network == login.network, _table.c.name == login.name)

        def save(work: Work) -> bool:
            owner = work.sql.execute(select(_table.c.user).where(here)).scalar()
            if owner is not None and owner != login.user:
                return False
            work.sql.execute(upsert(_table, values))
            return True

        if not await self._core.write(save):
            raise Taken(f"the name {login.name} on {login.network} is taken")

    async def remove_login(self, network: NetworkName, name: str) -> None:
        statement = delete(_table).where(_table.c.network == network, _table.c.name == name)
        await self._core.execute(statement)


def check_key(connection: Connection, key: bytes | None) -> None:
    """Raises `LedgerRefused` where `key` can't open what the ledger holds. No key at all is noticed when one is needed."""
    with connection.begin():
        row = connection.execute(select(_table).limit(1)).first()
    if row is not None and key is not None:
        _login(row, key)


def _login(row: Row[Any], key: bytes | None) -> Login:
    identity = None if row.identity is None else IdentityId(row.identity_network, row.identity)
    secrets = _SECRETS.decode(_open(key, _place(row.network, row.name), row.secrets))
    return Login(user=row.user, network=row.network, name=row.name, identity=identity, secrets=secrets)


def _place(network: str, name: str) -> bytes:
    return _ENCODER.encode((network, name))


def _cipher(key: bytes | None) -> Any:
    # imported here: most runs of a bridge without logins never need it
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    if not key:
        raise NoKey("logins need bridge.key_file: it encrypts their secrets")
    return AESGCM(HKDF(algorithm=SHA256(), length=32, salt=None, info=b"unabridged logins").derive(key))


def _seal(key: bytes | None, place: bytes, secrets: bytes) -> bytes:
    nonce = os.urandom(_NONCE)
    sealed: bytes = _cipher(key).encrypt(nonce, secrets, place)
    return nonce + sealed


def _open(key: bytes | None, place: bytes, sealed: bytes) -> bytes:
    from cryptography.exceptions import InvalidTag

    try:
        opened: bytes = _cipher(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], place)
    except InvalidTag as error:
        raise LedgerRefused(
            "bridge.key_file is not the key that encrypted the logins in this ledger: put the old key file back"
        ) from error
    return opened
