"""What the component itself is asked: what it is, how somebody's address is found, what it can do for you."""

from collections.abc import Callable, Mapping
from functools import partial
from xml.etree.ElementTree import Element

from adapters.xmpp.gateway import adhoc, answers
from adapters.xmpp.gateway.faces import Faces
from adapters.xmpp.gateway.refusing import UNKNOWN
from adapters.xmpp.gateway.replies import Replies
from adapters.xmpp.ids import Kind, Place
from adapters.xmpp.rooms.house import House
from adapters.xmpp.stanza import fields, ns
from bridge.contract.errors import Unavailable


class Door:
    """`invite(place)` has somebody of ours told that somebody wants to chat; `forget(peer)` ends all that was agreed with one."""

    def __init__(
        self, house: House, replies: Replies, faces: Faces, *, invite: Callable[[Place], None], forget: Callable[[str], None]
    ) -> None:
        self._house, self._replies, self._faces, self._invite, self._forget = house, replies, faces, invite, forget
        self._began = house.tools.clock.monotonic()

    def serves(self, iq: Element) -> bool:
        """False where it is nothing of the door's own."""
        served = _SERVED.get((iq.get("type", ""), *ns.split(iq[0].tag)))
        if served is not None:
            served(self, iq)
        return served is not None

    def _info(self, iq: Element) -> None:
        node = iq[0].get("node")
        names = dict(adhoc.OFFERED)
        answer = answers.result(iq)
        if not node:
            answers.info(answer, (("gateway", "matrix", answers.TITLE),), answers.SERVES)
        elif node == answers.COMMANDS:
            answers.info(answer, (("automation", "command-list", "Commands"),), (), node)
        elif node in names:
            features = (answers.COMMANDS, answers.FORM)
            answers.info(answer, (("automation", "command-node", names[node]),), features, node)
        else:
            self._replies.refuse(iq, UNKNOWN)
            return
        self._replies.write(answer)

    def _items(self, iq: Element) -> None:
        """Commands, and nobody: who has an address here is nobody's business."""
        node, answer = iq[0].get("node"), answers.result(iq)
        offered = adhoc.OFFERED if node == answers.COMMANDS else ()
        answers.items(answer, ((self._house.host, one, name) for one, name in offered), node)
        self._replies.write(answer)

    def _last(self, iq: Element) -> None:
        answer = answers.result(iq)
        ns.add(answer, answers.LAST, "query", seconds=str(int(self._house.tools.clock.monotonic() - self._began)))
        self._replies.write(answer)

    def _prompt(self, iq: Element) -> None:
        answer = answers.result(iq)
        if iq.get("type") == "get":
            adhoc.prompt(answer)
        elif not adhoc.prompted(answer, iq, self._house.host):
            self._replies.refuse(iq, "not-acceptable", "That is no Matrix ID.")
            return
        self._replies.write(answer)

    def _registration(self, iq: Element) -> None:
        answer = answers.result(iq)
        if iq.get("type") == "get":
            adhoc.registration(answer, self._house.host)
        elif fields.child(iq[0], answers.REGISTER, "remove") is not None:
            self._forget(iq.get("from", "").partition("/")[0])
        self._replies.write(answer)

    def _command(self, iq: Element) -> None:
        step, names = adhoc.asked(iq[0]), dict(adhoc.OFFERED)
        answer = answers.result(iq)
        if step.node not in names:
            self._replies.refuse(iq, UNKNOWN)
        elif step.action in ("prev", "cancel"):
            adhoc.canceled(answer, step)
            self._replies.write(answer)
        elif step.node == adhoc.ABOUT:
            adhoc.done(answer, step, adhoc.about(self._house.host))
            self._replies.write(answer)
        elif step.given is None:
            adhoc.form(answer, step, names[step.node])
            self._replies.write(answer)
        else:
            self._replies.later(iq, partial(self._find, iq, step))

    async def _find(self, iq: Element, step: adhoc.Asked) -> None:
        answer, who = answers.result(iq), adhoc.matrix_id(step.given or "")
        try:
            profile = await self._faces.profile(who) if who is not None else None
        except Unavailable:
            adhoc.done(answer, step, "Matrix can't be reached now: please try again later.", failed=True)
            self._replies.write(answer)
            return
        if who is None or profile is None:
            adhoc.done(answer, step, f"Nobody of that name is found: {(step.given or '')[:80]}", failed=True)
        else:
            adhoc.found(answer, step, who, profile.name, self._house.host)
            peer = iq.get("from", "").partition("/")[0]
            if step.node == adhoc.CHAT and "@" in peer:
                self._invite(Place(Kind.GATEWAY, peer, user=who.id))
        self._replies.write(answer)


_SERVED: Mapping[tuple[str, str, str], Callable[[Door, Element], None]] = {
    ("get", ns.INFO, "query"): Door._info,
    ("get", ns.ITEMS, "query"): Door._items,
    ("get", answers.LAST, "query"): Door._last,
    ("get", answers.GATEWAY, "query"): Door._prompt,
    ("set", answers.GATEWAY, "query"): Door._prompt,
    ("get", answers.REGISTER, "query"): Door._registration,
    ("set", answers.REGISTER, "query"): Door._registration,
    ("set", answers.COMMANDS, "command"): Door._command,
}
