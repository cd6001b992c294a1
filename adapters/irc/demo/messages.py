"""What people say: PRIVMSG, NOTICE, TAGMSG, REDACT and the RELAYMSG proposal. The hot path of the server."""

from adapters.irc.demo import lines
from adapters.irc.demo.client import Client
from adapters.irc.demo.lines import Incoming
from adapters.irc.demo.modes import is_banned
from adapters.irc.demo.world import PREFIXES, Channel, Command, World

_MAX_TARGETS = 4
_MARKS = {mark: mode for mode, mark in PREFIXES.items()}


def say(world: World, client: Client, line: Incoming) -> None:
    """PRIVMSG, NOTICE and TAGMSG to channels, to ranks of a channel (`@#channel`), to nicks, or several of them."""
    command, params = line.command, line.params
    quiet = command == "NOTICE"
    if not params or not params[0]:
        client.reply("411", f"No recipient given ({command})")
        return
    if command != "TAGMSG" and (len(params) < 2 or not params[1]):
        if not quiet:
            client.reply("412", "No text to send")
        return
    targets = params[0].split(",")
    if len(targets) > _MAX_TARGETS:
        client.reply("407", targets[_MAX_TARGETS], "Too many recipients")
        targets = targets[:_MAX_TARGETS]
    ending = f" :{params[1]}" if command != "TAGMSG" else ""
    for target in targets:
        if target.lstrip("@+")[:1] in ("#", "&"):
            _to_channel(world, client, line, target, ending)
        else:
            _to_nick(world, client, line, target, ending)


def _tags(world: World, line: Incoming, msgid: str) -> dict[str, tuple[int, str]]:
    tags = {"msgid": (lines.TAGS, msgid)}
    for name, value in line.tags.items():
        if name.startswith("+"):
            tags[name] = (lines.TAGS, value)
    return tags


def _to_channel(world: World, client: Client, line: Incoming, target: str, ending: str) -> None:
    name = target.lstrip("@+")
    channel = world.channels.get(world.fold(name))
    if channel is None:
        if line.command != "NOTICE":
            client.reply("403", target, "No such channel")
        return
    if not _may_speak(client, channel):
        if line.command != "NOTICE":
            client.reply("404", channel.name, "Cannot send to channel")
        return
    listeners = channel.members
    rank = next((_MARKS[mark] for mark in target[: len(target) - len(name)] if mark in _MARKS), None)
    if rank is not None:
        wanted = {"o"} if rank == "o" else {"o", "v"}
        listeners = {one: ranks for one, ranks in channel.members.items() if ranks & wanted or one is client}
    _deliver(world, client, line, target, ending, listeners)


def _deliver(world: World, client: Client, line: Incoming, target: str, ending: str, listeners: dict[Client, set[str]]) -> None:
    msgid = world.next_id()
    out = world.event(client, f"{line.command} {target}{ending}", _tags(world, line, msgid))
    world.remember(msgid, world.fold(target), client)
    need = "message-tags" if line.command == "TAGMSG" else None
    for one in listeners:
        if one is client:
            if "echo-message" in one.caps and (need is None or need in one.caps):
                one.send(out)
        elif need is None or need in one.caps:
            one.send(out)


def _may_speak(client: Client, channel: Channel) -> bool:
    ranks = channel.members.get(client)
    if ranks is None:
        return "n" not in channel.modes and "m" not in channel.modes and not is_banned(client, channel)
    if ranks:
        return True
    return "m" not in channel.modes and not (channel.bans and is_banned(client, channel))


def _to_nick(world: World, client: Client, line: Incoming, target: str, ending: str) -> None:
    one = world.nicks.get(world.fold(target))
    if one is None or not one.registered:
        if line.command != "NOTICE":
            client.reply("401", target, "No such nick/channel")
        return
    msgid = world.next_id()
    out = world.event(client, f"{line.command} {one.nick}{ending}", _tags(world, line, msgid))
    world.remember(msgid, world.fold(one.nick), client)
    tagged = line.command == "TAGMSG"
    if not tagged or "message-tags" in one.caps:
        one.send(out)
    if one is not client and "echo-message" in client.caps and (not tagged or "message-tags" in client.caps):
        client.send(out)
    if one.away is not None and line.command == "PRIVMSG":
        client.reply("301", one.nick, one.away)


def redact(world: World, client: Client, line: Incoming) -> None:
    """draft/message-redaction: one's own messages, or any as channel operator."""
    target, msgid = line.params[0], line.params[1]
    known = world.authors.get(msgid)
    channel = world.channels.get(world.fold(target))
    if known is None or known[0] != world.fold(target):
        client.fail("REDACT", "UNKNOWN_MSGID", target, msgid, "This message does not exist or is too old")
        return
    if known[1] is not client and not (channel is not None and channel.is_op(client)):
        client.fail("REDACT", "REDACT_FORBIDDEN", target, msgid, "You are not authorised to delete this message")
        return
    del world.authors[msgid]
    ending = f" :{line.params[2]}" if len(line.params) > 2 else ""
    out = world.event(client, f"REDACT {target} {msgid}{ending}")
    other = world.nicks.get(world.fold(target))
    listeners = channel.members if channel is not None else [one for one in (client, other) if one is not None]
    for one in listeners:
        if "draft/message-redaction" in one.caps and (one is not client or "echo-message" in one.caps):
            one.send(out)


def relay(world: World, client: Client, line: Incoming) -> None:
    """RELAYMSG channel nick/network text: said under a name that no connection can hold."""
    name, nick, text = line.params[0], line.params[1], line.params[2]
    channel = world.channels.get(world.fold(name))
    if not world.knobs.relaymsg:
        client.reply("421", "RELAYMSG", "Unknown command")
        return
    if channel is None or client not in channel.members:
        client.reply("442", name, "You're not on that channel")
        return
    if "/" not in nick or set(nick) & set(" !@*?.,:#&+%~") or nick.startswith(("-", "/")) or len(nick) > 60:
        client.fail("RELAYMSG", "INVALID_NICK", nick, "Invalid nickname")
        return
    msgid = world.next_id()
    tags = {**_tags(world, line, msgid), "draft/relaymsg": (lines.RELAY, client.nick)}
    source = f"{nick}!{client.user}@{client.host}"
    out = world.event(client, f"PRIVMSG {channel.name} :{text}", tags, source=source)
    world.remember(msgid, world.fold(channel.name), client)
    for one in channel.members:
        if one is not client or "echo-message" in one.caps:
            one.send(out)


COMMANDS = {
    "PRIVMSG": Command(say),
    "NOTICE": Command(say),
    "TAGMSG": Command(say),
    "REDACT": Command(redact, 2),
    "RELAYMSG": Command(relay, 3),
}
