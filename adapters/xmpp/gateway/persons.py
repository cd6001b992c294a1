"""What people behind the component are asked: who they are and what they look like."""

from collections.abc import Callable, Mapping
from functools import partial
from xml.etree.ElementTree import Element

from adapters.xmpp.gateway import answers
from adapters.xmpp.gateway.faces import Faces
from adapters.xmpp.gateway.refusing import BUSY, UNKNOWN
from adapters.xmpp.gateway.replies import Replies
from adapters.xmpp.ids import identity_of
from adapters.xmpp.rooms.house import House
from adapters.xmpp.rooms.voices import LISTENER
from adapters.xmpp.stanza import fields, ns
from bridge.contract.errors import Unavailable
from bridge.model.ids import IdentityId
from bridge.model.people import Profile


class Persons:
    def __init__(self, house: House, replies: Replies, faces: Faces) -> None:
        self._house, self._replies, self._faces = house, replies, faces

    def serves(self, iq: Element) -> bool:
        """False where it is nothing that people answer."""
        served = _SERVED.get((iq.get("type", ""), *ns.split(iq[0].tag)))
        if served is not None:
            served(self, iq)
        return served is not None

    def _info(self, iq: Element) -> None:
        """What our presences' hash stands for is the same for all (XEP-0115 §6.2)."""
        if iq[0].get("node") == f"{answers.NODE}#{answers.VER}":
            answer = answers.result(iq)
            answers.info(answer, (("client", "web", answers.NAME),), answers.KNOWS, iq[0].get("node"))
            self._replies.write(answer)
        else:
            self._replies.later(iq, partial(self._describe, iq))

    async def _describe(self, iq: Element) -> None:
        known = await self._known(iq)
        if known is None:
            return
        if iq[0].get("node"):
            self._replies.refuse(iq, UNKNOWN)
            return
        who, profile = known
        kinds = [("client", "bot" if who is None else "web", _name(who, profile))]
        if "/" not in iq.get("to", ""):
            kinds += [("account", "registered", ""), ("pubsub", "pep", "")]
        answer = answers.result(iq)
        answers.info(answer, kinds, answers.KNOWS)
        self._replies.write(answer)

    def _nothing_below(self, iq: Element) -> None:
        answer = answers.result(iq)
        answers.items(answer, (), iq[0].get("node"))
        self._replies.write(answer)

    def _vcard(self, iq: Element) -> None:
        self._replies.later(iq, partial(self._show, iq, None))

    def _pubsub(self, iq: Element) -> None:
        wanted = fields.child(iq[0], ns.PUBSUB, "items")
        if wanted is None:
            self._replies.refuse(iq, "service-unavailable")
        else:
            self._replies.later(iq, partial(self._show, iq, wanted.get("node", "")))

    async def _show(self, iq: Element, node: str | None) -> None:
        """A vCard, or with `node` what is published there."""
        known = await self._known(iq)
        if known is None:
            return
        who, profile = known
        picture = await self._faces.picture(profile)
        answer = answers.result(iq)
        if node is None:
            answers.vcard(answer, who, profile, picture)
        elif not answers.published(answer, node, profile, _name(who, profile), picture):
            self._replies.refuse(iq, UNKNOWN)
            return
        self._replies.write(answer)

    async def _known(self, iq: Element) -> tuple[IdentityId | None, Profile] | None:
        """Who was asked; without an identity our listener. None: nobody, and whoever asked has been told."""
        to = iq.get("to", "").partition("/")[0]
        if to in (self._house.host, f"{LISTENER}@{self._house.host}"):
            return None, Profile(name=answers.NAME)
        who = identity_of(to, self._house.host)
        try:
            profile = await self._faces.profile(who) if who is not None else None
        except Unavailable:
            self._replies.refuse(iq, BUSY, "The other side can't be reached now.")
            return None
        if who is None or profile is None:
            self._replies.refuse(iq, UNKNOWN)
            return None
        return who, profile


def _name(who: IdentityId | None, profile: Profile) -> str:
    return profile.name or (who.id if who is not None else answers.NAME)


_SERVED: Mapping[tuple[str, str, str], Callable[[Persons, Element], None]] = {
    ("get", ns.INFO, "query"): Persons._info,
    ("get", ns.ITEMS, "query"): Persons._nothing_below,
    ("get", ns.PUBSUB, "pubsub"): Persons._pubsub,
    ("get", ns.VCARD, "vCard"): Persons._vcard,
}
