"""Becoming somebody: CAP, SASL, PASS, NICK, USER, and the keepalive and goodbye around it."""

import base64
import binascii
import hmac

from adapters.irc.demo.client import Client
from adapters.irc.demo.lines import Incoming
from adapters.irc.demo.queries import lusers, motd
from adapters.irc.demo.world import Command, World

_NICK_FIRST = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz[]\\`_^{|}")
_NICK_REST = _NICK_FIRST | set("0123456789-")


def offered(world: World) -> dict[str, str]:
    """Capability → value (shown to those who asked with 302)."""
    caps = dict.fromkeys(sorted(world.knobs.caps), "")
    if world.knobs.relaymsg:
        caps["draft/relaymsg"] = "/"
    if "sasl" in caps:
        if world.knobs.accounts:
            caps["sasl"] = "PLAIN"
        else:
            del caps["sasl"]
    return caps


def cap(world: World, client: Client, line: Incoming) -> None:
    word, rest = line.params[0].upper(), line.params[1] if len(line.params) > 1 else ""
    match word:
        case "LS":
            client.negotiating = client.negotiating or not client.registered
            client.cap_version = max(client.cap_version, int(rest) if rest.isdecimal() and len(rest) < 6 else 0)
            if client.cap_version >= 302 and "cap-notify" in world.knobs.caps:
                client.set_caps(client.caps | {"cap-notify"})
            caps = offered(world).items()
            listed = [f"{cap}={value}" if value and client.cap_version >= 302 else cap for cap, value in caps]
            _list(client, "LS", listed)
        case "LIST":
            _list(client, "LIST", sorted(client.caps))
        case "REQ":
            client.negotiating = client.negotiating or not client.registered
            _request(world, client, rest)
        case "END":
            client.negotiating = False
            welcome(world, client)
        case _:
            client.reply("410", line.params[0], "Invalid CAP command")


def _list(client: Client, word: str, caps: list[str]) -> None:
    """In several lines where one can't hold them; only CAP 302 knows the mark for more."""
    lines: list[list[str]] = [[]]
    for cap in caps:
        if sum(len(one) + 1 for one in lines[-1]) + len(cap) > 380:
            lines.append([])
        lines[-1].append(cap)
    more = "* " if client.cap_version >= 302 else ""
    for listed in lines[:-1]:
        client.say(f"CAP {client.nick} {word} {more}:{' '.join(listed)}")
    client.say(f"CAP {client.nick} {word} :{' '.join(lines[-1])}")


def _request(world: World, client: Client, wanted: str) -> None:
    """All or nothing (IRCv3 capability negotiation, CAP REQ)."""
    caps, known = set(client.caps), offered(world)
    for cap in wanted.split():
        name = cap.removeprefix("-")
        if name not in known:
            client.say(f"CAP {client.nick} NAK :{wanted}")
            return
        if cap.startswith("-"):
            caps.discard(name)
        else:
            caps.add(name)
    client.say(f"CAP {client.nick} ACK :{wanted}")
    client.set_caps(caps)


def authenticate(world: World, client: Client, line: Incoming) -> None:
    """SASL 3.1 with PLAIN against the table of accounts; also after registration."""
    word = line.params[0]
    if "sasl" not in client.caps:
        client.reply("904", "SASL authentication failed")
    elif word == "*":
        client.sasl = None
        client.reply("906", "SASL authentication aborted")
    elif client.account is not None:
        client.reply("907", "You have already authenticated using SASL")
    elif client.sasl is None:
        if word.upper() == "PLAIN":
            client.sasl = ""
            client.say("AUTHENTICATE +")
        else:
            client.reply("908", "PLAIN", "are available SASL mechanisms")
            client.reply("904", "SASL authentication failed")
    elif len(word) > 400 or len(client.sasl) > 4000:
        client.sasl = None
        client.reply("905", "SASL message too long")
    else:
        client.sasl += "" if word == "+" else word
        if len(word) < 400:
            _check_plain(world, client)


def _check_plain(world: World, client: Client) -> None:
    answer, client.sasl = client.sasl or "", None
    try:
        _, name, password = base64.b64decode(answer, validate=True).decode().split("\0")
    except (binascii.Error, ValueError):
        name = password = ""
    known = world.knobs.accounts.get(name)
    if known is None or not hmac.compare_digest(known.encode(), password.encode()):
        client.reply("904", "SASL authentication failed")
        return
    client.account = name
    client.reply("900", client.source, name, f"You are now logged in as {name}")
    client.reply("903", "SASL authentication successful")
    if client.registered:
        world.tell([client, *world.peers(client)], world.event(client, f"ACCOUNT {name}"), cap="account-notify")


def password(world: World, client: Client, line: Incoming) -> None:
    if client.registered:
        client.reply("462", "You may not reregister")
    else:
        client.password = line.params[0]


def nick(world: World, client: Client, line: Incoming) -> None:
    wanted = line.params[0] if line.params else ""
    if not wanted:
        client.reply("431", "No nickname given")
        return
    if wanted[0] not in _NICK_FIRST or not set(wanted) <= _NICK_REST:
        client.reply("432", wanted, "Erroneous nickname")
        return
    wanted = wanted[: world.knobs.nick_length]
    holder = world.nicks.get(world.fold(wanted))
    if holder is not None and holder is not client:
        client.reply("433", wanted, "Nickname is already in use")
        return
    if wanted == client.nick:
        return
    if client.registered:
        folded_same = holder is client
        if not folded_same:
            world.notice_watchers(client, online=False)
        line_out = world.event(client, f"NICK :{wanted}")
        world.nicks.pop(world.fold(client.nick), None)
        client.nick = wanted
        world.nicks[world.fold(wanted)] = client
        world.tell([client, *world.peers(client)], line_out)
        if not folded_same:
            world.notice_watchers(client, online=True)
        return
    world.nicks.pop(world.fold(client.nick), None)
    client.nick = wanted
    world.nicks[world.fold(wanted)] = client
    welcome(world, client)


def user(world: World, client: Client, line: Incoming) -> None:
    if client.registered:
        client.reply("462", "You may not reregister")
        return
    name = "".join(char for char in line.params[0] if char not in "!@\0 ")[:10]
    client.user, client.realname = "~" + (name or "user"), line.params[3][:150]
    welcome(world, client)


def welcome(world: World, client: Client) -> None:
    """Registration is complete once there are a nick and a user, and no negotiation is open."""
    if client.registered or client.negotiating or client.nick == "*" or not client.user:
        return
    knobs = world.knobs
    if knobs.password is not None and client.password != knobs.password:
        client.reply("464", "Password incorrect")
        client.close("Bad password")
        return
    client.registered = True
    client.reply("001", f"Welcome to the {knobs.network} Internet Relay Chat Network {client.source}")
    client.reply("002", f"Your host is {knobs.server_name}, running version unabridged-demo")
    client.reply("003", f"This server was created {world.started:%Y-%m-%d %H:%M:%S} UTC")
    client.say(f"004 {client.nick} {knobs.server_name} unabridged-demo Biw biklmnostv bklov")
    tokens = _isupport(world)
    for first in range(0, len(tokens), 12):
        client.reply("005", *tokens[first : first + 12], "are supported by this server")
    lusers(world, client, Incoming("LUSERS", [], {}))
    motd(world, client, Incoming("MOTD", [], {}))
    world.notice_watchers(client, online=True)


def _isupport(world: World) -> list[str]:
    knobs = world.knobs
    tokens = [
        f"NETWORK={knobs.network}",
        f"CASEMAPPING={knobs.casemapping}",
        "CHANTYPES=#&",
        "PREFIX=(ov)@+",
        "CHANMODES=b,k,l,imnst",
        "STATUSMSG=@+",
        f"NICKLEN={knobs.nick_length}",
        "CHANNELLEN=50",
        "TOPICLEN=390",
        "KICKLEN=300",
        "AWAYLEN=300",
        "MODES=6",
        "MAXLIST=b:100",
        "MONITOR=100",
        "TARGMAX=PRIVMSG:4,NOTICE:4,TAGMSG:4,JOIN:,PART:,KICK:1,NAMES:,WHOIS:1",
        "BOT=B",
    ]
    return [*tokens, f"LINELEN={knobs.max_line}"] if knobs.max_line != 512 else tokens


def ping(world: World, client: Client, line: Incoming) -> None:
    client.say(f"PONG {world.knobs.server_name} :{line.params[0]}")


def pong(world: World, client: Client, line: Incoming) -> None:
    """Any line shows that the client lives; nothing more to do."""


def leave(world: World, client: Client, line: Incoming) -> None:
    client.close(f"Quit: {line.params[0]}" if line.params else "Client quit")


COMMANDS = {
    "CAP": Command(cap, 1, registered=False),
    "AUTHENTICATE": Command(authenticate, 1, registered=False),
    "PASS": Command(password, 1, registered=False),
    "NICK": Command(nick, registered=False),
    "USER": Command(user, 4, registered=False),
    "PING": Command(ping, 1, registered=False),
    "PONG": Command(pong, registered=False),
    "QUIT": Command(leave, registered=False),
}
