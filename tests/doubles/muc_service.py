"""The rooms of a pretend XMPP server: what is sent to them, and what is asked of them."""

from collections.abc import Callable
from xml.etree.ElementTree import Element, SubElement

from tests.doubles.muc_room import MAM, Room, named


class RoomService:
    """`rooms` are made on demand. `send(element)` takes what goes to those at the host `ours`."""

    def __init__(self, ours: str, send: Callable[[Element], None]) -> None:
        self.rooms: dict[str, Room] = {}
        self.offers_occupant_ids = True
        self._ours, self._send = ours, send

    def room(self, jid: str) -> Room:
        return self.rooms.setdefault(jid, Room(jid, self._ours, self._send))

    def take(self, stanza: Element) -> None:
        """Of one of ours, to a room or somebody in it."""
        name = stanza.tag.rpartition("}")[2]
        bare, _, nick = stanza.get("to", "").partition("/")
        room = self.room(bare)
        if name == "presence":
            room.presence(stanza)
        elif name == "message":
            room.message(stanza)
        elif stanza.get("type") in ("get", "set"):
            self._answer(stanza, room, nick)

    def _answer(self, iq: Element, room: Room, nick: str) -> None:
        query = iq[0]
        result = Element(iq.tag, {"type": "result", "id": iq.get("id", ""), "from": iq.get("to", ""), "to": iq.get("from", "")})
        sender = next((one for one in room.occupants.values() if one.jid == iq.get("from")), None)
        if nick:
            if sender is None:
                room.bounce(iq, "not-acceptable")
            else:
                self._send(result)
        elif query.tag == f"{{{MAM}}}query":
            try:
                result.append(room.pages(query, iq.get("from", "")))
                self._send(result)
            except KeyError:
                room.bounce(iq, "item-not-found")
        elif query.tag.endswith("disco#info}query"):
            result.append(self._info(room))
            self._send(result)
        elif (query.tag == f"{{{room.moderates}}}moderate" or query.tag.endswith("}apply-to")) and sender is not None:
            if sender.role == "moderator":
                room.moderate(query.get("id", ""))
                self._send(result)
            else:
                room.bounce(iq, "forbidden")
        elif query.tag.endswith("muc#admin}query"):
            self._administer(iq, query, room, result)
        else:
            room.bounce(iq, "feature-not-implemented")

    def _info(self, room: Room) -> Element:
        space = "{http://jabber.org/protocol/disco#info}"
        info = Element(f"{space}query")
        SubElement(info, f"{space}identity", {"category": "conference", "type": "text", "name": room.name})
        offered = ["http://jabber.org/protocol/muc", *(("urn:xmpp:occupant-id:0",) if self.offers_occupant_ids else ())]
        offered += [MAM, "urn:xmpp:sid:0"] if room.keeps else []
        offered += [room.moderates] if room.moderates else []
        offered += ["muc_semianonymous" if room.anonymous else "muc_nonanonymous"]
        for feature in offered:
            SubElement(info, f"{space}feature", {"var": feature})
        return info

    def _administer(self, iq: Element, query: Element, room: Room, result: Element) -> None:
        sender = next((one for one in room.occupants.values() if one.jid == iq.get("from")), None)
        item = named(query, "item")
        if sender is None or sender.role != "moderator" or item is None:
            room.bounce(iq, "forbidden")
            return
        reason = named(item, "reason")
        words = reason.text or "" if reason is not None else ""
        if item.get("role") == "none" and item.get("nick") in room.occupants:
            room.leave(item.get("nick", ""), {"307"}, reason=words, actor=sender.nick)
        elif item.get("role") and item.get("nick") in room.occupants:
            if sender.affiliation not in ("owner", "admin"):
                room.bounce(iq, "not-allowed")
                return
            room.ranked.append((item.get("nick", ""), item.get("role", "")))
            room.rank(*room.ranked[-1])
        elif item.get("affiliation"):
            if room.bans_by_rank and sender.affiliation not in ("owner", "admin"):
                room.bounce(iq, "forbidden")
                return
            jid = item.get("jid", "")
            room.affiliations[jid] = item.get("affiliation", "")
            for one in [one for one in room.occupants.values() if one.jid.partition("/")[0] == jid]:
                if item.get("affiliation") == "outcast":
                    room.leave(one.nick, {"301"}, reason=words, actor=sender.nick)
        else:
            room.bounce(iq, "item-not-found")
            return
        self._send(result)
