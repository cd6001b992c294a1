"""Commands and forms of the component (XEP-0050, 0100, 0077): how somebody on XMPP finds a Matrix user's address.

All of it is stateless: a form says all that its answer needs. Pure.
"""

import re
from xml.etree.ElementTree import Element

from msgspec import Struct

from adapters.xmpp.gateway.answers import COMMANDS, FORM, GATEWAY, REGISTER, shown
from adapters.xmpp.ids import puppet_jid
from adapters.xmpp.stanza import fields, ns
from adapters.xmpp.stanza.clean import xml_text
from bridge.model.ids import HUB, IdentityId
from bridge.text.plain import one_line

ABOUT, FIND, CHAT = "about", "find", "chat"
OFFERED = ((FIND, "Find somebody on Matrix"), (CHAT, "Start a chat with somebody on Matrix"), (ABOUT, "About this gateway"))
ABOUT_WORDS = (
    "This gateway leads to Matrix. Everybody there has an address here, made of their Matrix ID: "
    "{example} for @alice:example.org. Add it to your contacts, or just write to it. Nothing needs to be registered."
)
_ASK = "Enter a Matrix ID, like @alice:example.org"
_FIELD = "matrix-id"
_ID = re.compile(r"@[^\s:@]+:[^\s/@]+")
_LONGEST = 255
_LINKS = ("https://matrix.to/#/", "matrix:u/")


def matrix_id(text: str) -> IdentityId | None:
    """What somebody typed, as a Matrix user; links to one count, too."""
    text = one_line(text).strip()
    for link in _LINKS:
        if text.startswith(link):
            text = "@" + text.removeprefix(link).partition("?")[0].removeprefix("@").replace("%40", "").replace("%3A", ":")
    name, _, domain = (text if not text[:1].isalnum() else f"@{text}").partition(":")
    text = f"{name}:{domain.lower()}"
    return IdentityId(HUB, text) if _ID.fullmatch(text) and len(text) <= _LONGEST else None


# XEP-0100 and XEP-0077


def prompt(answer: Element) -> None:
    query = ns.add(answer, GATEWAY, "query")
    ns.add(query, GATEWAY, "desc", _ASK)
    ns.add(query, GATEWAY, "prompt", "Matrix ID")


def prompted(answer: Element, iq: Element, host: str) -> bool:
    """False where what was typed is no Matrix ID."""
    who = matrix_id(fields.text_of(fields.child(iq[0], GATEWAY, "prompt")))
    if who is None:
        return False
    ns.add(ns.add(answer, GATEWAY, "query"), GATEWAY, "jid", puppet_jid(who, host))
    return True


def registration(answer: Element, host: str) -> None:
    """Everybody is registered, always."""
    query = ns.add(answer, REGISTER, "query")
    ns.add(query, REGISTER, "registered")
    ns.add(query, REGISTER, "instructions", about(host))


def about(host: str) -> str:
    return ABOUT_WORDS.format(example=puppet_jid(IdentityId(HUB, "@alice:example.org"), host))


# XEP-0050


class Asked(Struct, frozen=True):
    """A step of a command. `given`: what was typed, None where nothing has been asked yet."""

    node: str
    action: str
    session: str
    given: str | None


def asked(command: Element) -> Asked:
    form = fields.child(command, FORM, "x")
    given = None
    if form is not None and form.get("type") == "submit":
        values = (fields.child(one, FORM, "value") for one in fields.children(form) if one.get("var") == _FIELD)
        given = fields.text_of(next(values, None))
    session = one_line(command.get("sessionid") or "")[:64] or "1"
    return Asked(command.get("node") or "", command.get("action") or "execute", session, given)


def form(answer: Element, step: Asked, title: str) -> None:
    """Asks for a Matrix ID."""
    command = _command(answer, step, "executing")
    ns.add(ns.add(command, COMMANDS, "actions", execute="complete"), COMMANDS, "complete")
    found = ns.add(command, FORM, "x", type="form")
    ns.add(found, FORM, "title", title)
    ns.add(found, FORM, "instructions", _ASK)
    field = ns.add(found, FORM, "field", type="text-single", var=_FIELD, label="Matrix ID")
    ns.add(field, FORM, "required")


def done(answer: Element, step: Asked, words: str, *, failed: bool = False) -> None:
    command = _command(answer, step, "completed")
    ns.add(command, COMMANDS, "note", xml_text(words), type="error" if failed else "info")


def canceled(answer: Element, step: Asked) -> None:
    _command(answer, step, "canceled")


def found(answer: Element, step: Asked, who: IdentityId, name: str | None, host: str) -> None:
    """Somebody, as a form that clients can show and use."""
    command = _command(answer, step, "completed")
    jid = puppet_jid(who, host)
    shape = ns.add(command, FORM, "x", type="result")
    for kind, var, label, value in (("text-single", "name", "Name", name or who.id), ("jid-single", "jid", "Address", jid)):
        ns.add(ns.add(shape, FORM, "field", type=kind, var=var, label=label), FORM, "value", shown(value))
    ns.add(command, COMMANDS, "note", f"xmpp:{jid}", type="info")


def _command(answer: Element, step: Asked, status: str) -> Element:
    return ns.add(answer, COMMANDS, "command", node=step.node, sessionid=xml_text(step.session), status=status)
