"""The adapter's words: whom one's account follows or blocks, which groups it is in, and what its server allows."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from urllib.parse import quote

from adapters.common.owners import own_login
from adapters.gnusocial.ids import address, identity_id, number, person_of
from adapters.gnusocial.wire.desk import Desk
from adapters.gnusocial.wire.people import Known
from bridge.contract.errors import DeliveryError, Rejected
from bridge.contract.toolbox import Toolbox
from bridge.contract.words import Answer, Argument, Asker, Word
from bridge.model.ids import IdentityId, NetworkName
from bridge.text.plain import one_line

Given = Mapping[str, str | Sequence[str]]
_Does = Callable[[Desk, str], Awaitable[str]]

_USER = Argument(name="user", summary="who, as nick@host; without a host, on your own server")
_GROUP = Argument(name="group", summary="the group's name on your server")
_LOGIN = Argument(name="login", summary="with which of your logins, where you have several", required=False)


class Words:
    """`desk` gives what belongs to a login while it is in use."""

    def __init__(self, network: NetworkName, desk: Callable[[str], Desk | None], tools: Toolbox) -> None:
        self._network = network
        self._desk = desk
        self._tools = tools

    def all(self) -> tuple[Word, ...]:
        return (
            self._word("subscribe", "follow somebody with your account: their posts come to your home", self._follow, _USER),
            self._word("unsubscribe", "follow somebody no longer", self._unfollow, _USER),
            self._word("block", "block somebody with your account", self._block, _USER),
            self._word("unblock", "block somebody no longer", self._unblock, _USER),
            self._word("join-group", "join a group", self._join, _GROUP),
            self._word("leave-group", "leave a group", self._leave, _GROUP),
            self._word("limits", "what your server allows", self._limits),
        )

    def _word(self, name: str, summary: str, does: _Does, *arguments: Argument) -> Word:
        async def run(asker: Asker, given: Given) -> Answer:
            what = one_line(_text(given, arguments[0].name)) if arguments else ""
            try:
                return Answer(text=await does(self._of(asker, _text(given, "login")), what))
            except (DeliveryError, ValueError) as error:
                return Answer(text=f"{error}", failed=True)

        return Word(name=name, summary=summary, run=run, arguments=(*arguments, _LOGIN))

    def _of(self, asker: Asker, login: str) -> Desk:
        """The asker's own; nobody acts through another's account. Raises `Rejected` or `Unavailable`."""
        desk = self._desk(own_login(asker, login, self._tools.logins, self._network))
        if desk is None:
            raise Rejected("The network is not connected now.")
        desk.need()
        return desk

    # people

    def _named(self, desk: Desk, who: str) -> IdentityId:
        bare = who.lstrip("@")
        home = person_of(desk.account.me.id)[1]
        return identity_id(self._network, *person_of(address(bare if "@" in bare else f"{bare}@{home}")))

    async def _follow(self, desk: Desk, who: str) -> str:
        id = self._named(desk, who)
        known = await desk.people.find(id)
        if known is None:
            await self._follow_afar(desk, id)
        else:
            await self._ask(desk, "friendships/create", known)
        return f"{id.id} is followed now."

    async def _follow_afar(self, desk: Desk, who: IdentityId) -> None:
        """GNU social has no call for people it doesn't know yet, but takes the command in place of a post."""
        account = desk.account
        if not account.allowed.commands:
            raise Rejected(f"{account.host} does not know {who.id}, and can't be told from here: follow them on its web page.")
        command = f"follow {who.id}"
        status = (await account.client.post("statuses/update", status=command)).data
        if isinstance(status, dict) and status.get("text") == command and (id := number(status.get("id"))) is not None:
            await account.client.post(f"statuses/destroy/{id}", once=False, id=id)
            raise Rejected(f"{account.host} takes no commands: follow {who.id} on its web page.")
        if await desk.people.find(who) is None:
            raise Rejected(f"{account.host} did not find {who.id}.")

    async def _unfollow(self, desk: Desk, who: str) -> str:
        return await self._change(desk, who, "friendships/destroy", "is followed no longer")

    async def _block(self, desk: Desk, who: str) -> str:
        return await self._change(desk, who, "blocks/create", "is blocked now")

    async def _unblock(self, desk: Desk, who: str) -> str:
        return await self._change(desk, who, "blocks/destroy", "is blocked no longer")

    async def _change(self, desk: Desk, who: str, call: str, done: str) -> str:
        id = self._named(desk, who)
        known = await desk.people.find(id)
        if known is None:
            raise Rejected(f"{desk.account.host} does not know {id.id}.")
        await self._ask(desk, call, known)
        return f"{id.id} {done}."

    async def _ask(self, desk: Desk, call: str, known: Known) -> None:
        nick, _ = person_of(known.identity.id.id)
        await desk.account.client.post(call, once=False, user_id=known.number, screen_name=nick if known.local else None)

    # groups, limits

    async def _join(self, desk: Desk, group: str) -> str:
        return await self._group(desk, group, "join", "You are in")

    async def _leave(self, desk: Desk, group: str) -> str:
        return await self._group(desk, group, "leave", "You are out of")

    async def _group(self, desk: Desk, group: str, call: str, done: str) -> str:
        name = group.lstrip("!").lower()
        if not name:
            raise Rejected("Which group?")
        await desk.account.client.post(f"statusnet/groups/{call}/{quote(name, safe='')}", once=False, id=name)
        return f"{done} !{name} on {desk.account.host} now."

    async def _limits(self, desk: Desk, _: str) -> str:
        account = desk.account
        account.forget_limits()
        await account.learn()
        text = f"{account.allowed.text} characters a post" if account.allowed.text else "posts of any length"
        if account.allowed.file == 0:
            files = "no files"
        else:
            files = f"files of {account.allowed.file} bytes" if account.allowed.file else "files of any size"
        return f"{account.host} takes {text}, and {files}."


def _text(given: Given, name: str) -> str:
    value = given.get(name, "")
    return value if isinstance(value, str) else " ".join(value)
