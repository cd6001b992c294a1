"""Asking and telling about people and the server: WHO, WHOIS, ISON, MONITOR, AWAY, SETNAME, MOTD and their like."""

from adapters.irc.demo.client import Client
from adapters.irc.demo.lines import Incoming
from adapters.irc.demo.world import Command, World

_MAX_WATCHED = 100


def find(world: World, client: Client, nick: str) -> Client | None:
    """Somebody registered, or a 401 to the asker."""
    found = world.nicks.get(world.fold(nick))
    if found is None or not found.registered:
        client.reply("401", nick or "*", "No such nick/channel")
        return None
    return found


def motd(world: World, client: Client, line: Incoming) -> None:
    if not world.knobs.motd:
        client.reply("422", "MOTD File is missing")
        return
    client.reply("375", f"- {world.knobs.server_name} Message of the day -")
    for text in world.knobs.motd:
        client.reply("372", f"- {text}")
    client.reply("376", "End of /MOTD command")


def lusers(world: World, client: Client, line: Incoming) -> None:
    people = sum(1 for one in world.nicks.values() if one.registered)
    client.reply("251", f"There are {people} users and 0 invisible on 1 servers")
    client.reply("252", "0", "operator(s) online")
    client.reply("253", str(len(world.connections) - people), "unknown connection(s)")
    client.reply("254", str(len(world.channels)), "channels formed")
    client.reply("255", f"I have {people} clients and 0 servers")
    client.reply("265", str(people), str(people), f"Current local users {people}, max {people}")
    client.reply("266", str(people), str(people), f"Current global users {people}, max {people}")


def version(world: World, client: Client, line: Incoming) -> None:
    client.reply("351", "unabridged-demo", world.knobs.server_name, "IRCv3")


def time(world: World, client: Client, line: Incoming) -> None:
    client.reply("391", world.knobs.server_name, f"{world.now():%Y-%m-%d %H:%M:%S} UTC")


def who(world: World, client: Client, line: Incoming) -> None:
    mask = line.params[0] if line.params else "*"
    channel = world.channels.get(world.fold(mask))
    found: list[Client] = []
    if channel is not None:
        if client in channel.members or "s" not in channel.modes:
            found = list(channel.members)
    else:
        one = world.nicks.get(world.fold(mask))
        found = [one] if one is not None and one.registered else []
    for one in found:
        marks = channel.prefix_of(one, "multi-prefix" in client.caps) if channel is not None else ""
        flags = ("G" if one.away is not None else "H") + ("B" if "B" in one.modes else "") + marks
        place = channel.name if channel is not None else "*"
        client.reply("352", place, one.user, one.host, world.knobs.server_name, one.nick, flags, f"0 {one.realname}")
    client.reply("315", mask, "End of /WHO list")


def whois(world: World, client: Client, line: Incoming) -> None:
    nick = line.params[-1].split(",")[0]
    one = find(world, client, nick)
    if one is not None:
        client.reply("311", one.nick, one.user, one.host, "*", one.realname)
        shown = [
            channel.prefix_of(one, "multi-prefix" in client.caps) + channel.name
            for channel in one.channels.values()
            if "s" not in channel.modes or client in channel.members
        ]
        if shown:
            client.reply("319", one.nick, " ".join(shown))
        client.reply("312", one.nick, world.knobs.server_name, world.knobs.network)
        if one.away is not None:
            client.reply("301", one.nick, one.away)
        if one.account is not None:
            client.reply("330", one.nick, one.account, "is logged in as")
        if "B" in one.modes:
            client.reply("335", one.nick, "is a bot")
        idle = int(world.loop.time() - one.spoke_at)
        client.reply("317", one.nick, str(idle), str(one.since), "seconds idle, signon time")
    client.reply("318", nick, "End of /WHOIS list")


def ison(world: World, client: Client, line: Incoming) -> None:
    nicks = " ".join(line.params).split()
    found = [one.nick for nick in nicks if (one := world.nicks.get(world.fold(nick))) is not None and one.registered]
    client.reply("303", " ".join(found))


def userhost(world: World, client: Client, line: Incoming) -> None:
    found = []
    for nick in line.params[:5]:
        one = world.nicks.get(world.fold(nick))
        if one is not None and one.registered:
            found.append(f"{one.nick}={'-' if one.away is not None else '+'}{one.user}@{one.host}")
    client.reply("302", " ".join(found))


def away(world: World, client: Client, line: Incoming) -> None:
    text = line.params[0][:300] if line.params else ""
    client.away = text or None
    if text:
        client.reply("306", "You have been marked as being away")
    else:
        client.reply("305", "You are no longer marked as being away")
    world.tell(world.peers(client), world.event(client, f"AWAY :{text}" if text else "AWAY"), cap="away-notify")


def setname(world: World, client: Client, line: Incoming) -> None:
    client.realname = line.params[0][:150]
    world.tell([client, *world.peers(client)], world.event(client, f"SETNAME :{client.realname}"), cap="setname")


def monitor(world: World, client: Client, line: Incoming) -> None:
    """MONITOR + - C L S (IRCv3): 730 online, 731 offline, 732 the list, 733 its end, 734 full."""
    word, nicks = line.params[0].upper(), [nick for nick in "".join(line.params[1:2]).split(",") if nick]
    match word:
        case "+":
            for nick in nicks:
                _watch(world, client, nick)
        case "-":
            for nick in nicks:
                client.monitored.pop(world.fold(nick), None)
                world.watchers.get(world.fold(nick), set()).discard(client)
        case "C":
            for name in client.monitored:
                world.watchers.get(name, set()).discard(client)
            client.monitored.clear()
        case "L":
            if client.monitored:
                client.reply("732", ",".join(client.monitored.values()))
            client.reply("733", "End of MONITOR list")
        case "S":
            for nick in client.monitored.values():
                _tell_watched(world, client, nick)
        case _:
            client.reply("461", "MONITOR", "Not enough parameters")


def _watch(world: World, client: Client, nick: str) -> None:
    if len(client.monitored) >= _MAX_WATCHED:
        client.reply("734", str(_MAX_WATCHED), nick, "Monitor list is full")
        return
    client.monitored[world.fold(nick)] = nick
    world.watchers.setdefault(world.fold(nick), set()).add(client)
    _tell_watched(world, client, nick)


def _tell_watched(world: World, client: Client, nick: str) -> None:
    one = world.nicks.get(world.fold(nick))
    if one is not None and one.registered:
        client.reply("730", one.source)
    else:
        client.reply("731", nick)


COMMANDS = {
    "MOTD": Command(motd),
    "LUSERS": Command(lusers),
    "VERSION": Command(version),
    "TIME": Command(time),
    "WHO": Command(who),
    "WHOIS": Command(whois, 1),
    "ISON": Command(ison, 1),
    "USERHOST": Command(userhost, 1),
    "AWAY": Command(away),
    "SETNAME": Command(setname, 1),
    "MONITOR": Command(monitor, 1),
}
