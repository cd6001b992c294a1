"""Whose account somebody means who says a word."""

from bridge.contract.errors import Rejected
from bridge.contract.logins import LoginBook
from bridge.contract.words import Asker
from bridge.model.ids import NetworkName


def own_login(asker: Asker, said: str, logins: LoginBook, network: NetworkName) -> str:
    """The name of the asker's own login that is `said`, or of the only one where nothing is said.

    Nobody acts through another's account. Raises `Rejected` in words.
    """
    mine = [one.name for one in logins.all() if one.user == asker.user and said in ("", one.name)]
    if not mine:
        named = f" named {said}" if said else ""
        raise Rejected(f"You have no login{named} here: say `login {network}`.")
    if len(mine) > 1:
        raise Rejected(f"Which of your logins: {', '.join(sorted(mine))}?")
    return mine[0]
