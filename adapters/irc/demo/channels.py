"""Channels: JOIN, PART, TOPIC, NAMES, LIST, KICK, INVITE."""

from adapters.irc.demo.client import Client
from adapters.irc.demo.lines import Incoming, encode
from adapters.irc.demo.modes import is_banned
from adapters.irc.demo.queries import find
from adapters.irc.demo.world import Channel, Command, World

_NAMES_BYTES = 400
"""Of nicks in one 353."""


def find_channel(world: World, client: Client, name: str, *, inside: bool = True) -> Channel | None:
    """The channel, or the right numeric to the asker: 403, or 442 where he must be inside."""
    channel = world.channels.get(world.fold(name))
    if channel is None:
        client.reply("403", name or "*", "No such channel")
    elif inside and client not in channel.members:
        client.reply("442", channel.name, "You're not on that channel")
    else:
        return channel
    return None


def join(world: World, client: Client, line: Incoming) -> None:
    if line.params[0] == "0":
        for channel in list(client.channels.values()):
            _part_one(world, client, channel.name, "Left all channels")
        return
    keys = line.params[1].split(",") if len(line.params) > 1 else []
    for index, name in enumerate(line.params[0].split(",")):
        _join_one(world, client, name, keys[index] if index < len(keys) else "")


def _join_one(world: World, client: Client, name: str, key: str) -> None:
    if not name.startswith(("#", "&")) or len(encode(name)) > 50 or set(name) & set(" ,:\x07"):
        client.reply("403", name or "*", "No such channel")
        return
    folded = world.fold(name)
    channel = world.channels.get(folded)
    if channel is None:
        channel = world.channels[folded] = Channel(name, world.seconds())
        channel.members[client] = {"o"}
    elif client in channel.members or not _may_join(client, channel, key):
        return
    else:
        channel.members[client] = set()
    channel.invited.discard(client)
    client.channels[folded] = channel
    plain = world.event(client, f"JOIN {channel.name}")
    extended = world.event(client, f"JOIN {channel.name} {client.account or '*'} :{client.realname}")
    away = world.event(client, f"AWAY :{client.away}") if client.away is not None else None
    for member in channel.members:
        member.send(extended if "extended-join" in member.caps else plain)
        if away is not None and member is not client and "away-notify" in member.caps:
            member.send(away)
    if channel.topic:
        _show_topic(client, channel)
    _show_names(client, channel)


def _may_join(client: Client, channel: Channel, key: str) -> bool:
    invited = client in channel.invited
    if "i" in channel.modes and not invited:
        client.reply("473", channel.name, "Cannot join channel (+i)")
    elif channel.key is not None and key != channel.key:
        client.reply("475", channel.name, "Cannot join channel (+k)")
    elif channel.limit is not None and len(channel.members) >= channel.limit and not invited:
        client.reply("471", channel.name, "Cannot join channel (+l)")
    elif is_banned(client, channel) and not invited:
        client.reply("474", channel.name, "Cannot join channel (+b)")
    else:
        return True
    return False


def part(world: World, client: Client, line: Incoming) -> None:
    for name in line.params[0].split(","):
        _part_one(world, client, name, line.params[1] if len(line.params) > 1 else "")


def _part_one(world: World, client: Client, name: str, reason: str) -> None:
    channel = find_channel(world, client, name)
    if channel is not None:
        ending = f" :{reason}" if reason else ""
        world.tell(channel.members, world.event(client, f"PART {channel.name}{ending}"))
        world.part(channel, client)


def topic(world: World, client: Client, line: Incoming) -> None:
    channel = find_channel(world, client, line.params[0], inside=len(line.params) > 1)
    if channel is None:
        return
    if len(line.params) == 1:
        if "s" in channel.modes and client not in channel.members:
            client.reply("442", channel.name, "You're not on that channel")
        elif channel.topic:
            _show_topic(client, channel)
        else:
            client.reply("331", channel.name, "No topic is set")
    elif "t" in channel.modes and not channel.is_op(client):
        client.reply("482", channel.name, "You're not channel operator")
    else:
        channel.topic = encode(line.params[1])[:390].decode("utf-8", "surrogateescape")
        channel.topic_by, channel.topic_at = client.source, world.seconds()
        world.tell(channel.members, world.event(client, f"TOPIC {channel.name} :{channel.topic}"))


def _show_topic(client: Client, channel: Channel) -> None:
    client.reply("332", channel.name, channel.topic)
    client.say(f"333 {client.nick} {channel.name} {channel.topic_by} {channel.topic_at}")


def names(world: World, client: Client, line: Incoming) -> None:
    for name in (line.params[0] if line.params else "*").split(","):
        channel = world.channels.get(world.fold(name))
        if channel is not None and (client in channel.members or "s" not in channel.modes):
            _show_names(client, channel)
        else:
            client.reply("366", name, "End of /NAMES list")


def _show_names(client: Client, channel: Channel) -> None:
    mark = "@" if "s" in channel.modes else "="
    every, full = "multi-prefix" in client.caps, "userhost-in-names" in client.caps
    shown: list[str] = []
    size = 0
    for member in channel.members:
        name = channel.prefix_of(member, every) + (member.source if full else member.nick)
        if size + len(name) > _NAMES_BYTES:
            client.reply("353", mark, channel.name, " ".join(shown))
            shown, size = [], 0
        shown.append(name)
        size += len(name) + 1
    client.reply("353", mark, channel.name, " ".join(shown))
    client.reply("366", channel.name, "End of /NAMES list")


def list_channels(world: World, client: Client, line: Incoming) -> None:
    wanted = {world.fold(name) for name in line.params[0].split(",")} if line.params and line.params[0][:1] in "#&" else None
    client.reply("321", "Channel", "Users  Name")
    for folded, channel in world.channels.items():
        if (wanted is None or folded in wanted) and ("s" not in channel.modes or client in channel.members):
            client.reply("322", channel.name, str(len(channel.members)), channel.topic)
    client.reply("323", "End of /LIST")


def kick(world: World, client: Client, line: Incoming) -> None:
    channel = find_channel(world, client, line.params[0])
    if channel is None:
        return
    if not channel.is_op(client):
        client.reply("482", channel.name, "You're not channel operator")
        return
    victim = world.nicks.get(world.fold(line.params[1]))
    if victim is None or victim not in channel.members:
        client.reply("441", line.params[1], channel.name, "They aren't on that channel")
        return
    reason = line.params[2][:300] if len(line.params) > 2 else client.nick
    world.tell(channel.members, world.event(client, f"KICK {channel.name} {victim.nick} :{reason}"))
    world.part(channel, victim)


def invite(world: World, client: Client, line: Incoming) -> None:
    guest = find(world, client, line.params[0])
    channel = find_channel(world, client, line.params[1]) if guest is not None else None
    if guest is None or channel is None:
        return
    if guest in channel.members:
        client.reply("443", guest.nick, channel.name, "is already on channel")
    elif "i" in channel.modes and not channel.is_op(client):
        client.reply("482", channel.name, "You're not channel operator")
    else:
        channel.invited.add(guest)
        client.say(f"341 {client.nick} {guest.nick} {channel.name}")
        invitation = world.event(client, f"INVITE {guest.nick} :{channel.name}")
        guest.send(invitation)
        world.tell((one for one in channel.members if one is not client), invitation, cap="invite-notify")


COMMANDS = {
    "JOIN": Command(join, 1),
    "PART": Command(part, 1),
    "TOPIC": Command(topic, 1),
    "NAMES": Command(names),
    "LIST": Command(list_channels),
    "KICK": Command(kick, 2),
    "INVITE": Command(invite, 2),
}
