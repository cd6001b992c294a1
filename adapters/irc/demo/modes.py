"""MODE: channel modes b k l o v i m n s t, user modes B i w."""

from collections.abc import Sequence

from adapters.irc.demo.client import Client
from adapters.irc.demo.lines import Incoming
from adapters.irc.demo.world import PREFIXES, Channel, Command, World
from adapters.irc.ids import matches

_FLAGS = "imnst"
_USER_MODES = "Biw"
_MAX_CHANGES = 6
_MAX_BANS = 100


def is_banned(client: Client, channel: Channel) -> bool:
    mapping = client.world.knobs.casemapping
    return any(matches(mask, client.source, mapping) for mask in channel.bans)


def mode(world: World, client: Client, line: Incoming) -> None:
    if line.params[0][:1] not in ("#", "&"):
        _user_mode(world, client, line)
        return
    channel = world.channels.get(world.fold(line.params[0]))
    if channel is None:
        client.reply("403", line.params[0], "No such channel")
    elif len(line.params) == 1:
        _show(client, channel)
    elif line.params[1].lstrip("+") == "b" and len(line.params) == 2:
        for mask, (by, at) in channel.bans.items():
            client.say(f"367 {client.nick} {channel.name} {mask} {by} {at}")
        client.reply("368", channel.name, "End of channel ban list")
    elif not channel.is_op(client):
        client.reply("482", channel.name, "You're not channel operator")
    else:
        _change(world, client, channel, line.params[1], line.params[2:])


def _show(client: Client, channel: Channel) -> None:
    inside = client in channel.members
    words = "+" + "".join(sorted(channel.modes))
    arguments = []
    if channel.key is not None:
        words += "k"
        arguments.append(channel.key if inside else "*")
    if channel.limit is not None:
        words += "l"
        arguments.append(str(channel.limit))
    client.say(" ".join(["324", client.nick, channel.name, words, *arguments]))
    client.say(f"329 {client.nick} {channel.name} {channel.created}")


def _change(world: World, client: Client, channel: Channel, letters: str, arguments: list[str]) -> None:
    adding, left = True, list(arguments)
    done: list[tuple[str, str, str | None]] = []
    for letter in letters:
        if letter in "+-":
            adding = letter == "+"
            continue
        if len(done) >= _MAX_CHANGES:
            break
        if letter not in _FLAGS and letter not in "bklov":
            client.reply("472", letter, "is unknown mode char to me")
            continue
        takes = letter in "bkov" or (letter == "l" and adding)
        argument = left.pop(0) if takes and left else None
        if takes and argument is None:
            if letter != "b":
                client.reply("461", "MODE", "Not enough parameters")
            continue
        applied = _apply(world, client, channel, adding, letter, argument or "")
        if applied is not None:
            done.append(("+" if adding else "-", letter, applied or None))
    if done:
        world.tell(channel.members, world.event(client, f"MODE {channel.name} {_words(done)}"))


def _words(done: Sequence[tuple[str, str, str | None]]) -> str:
    """`+o-b nick mask` of single changes: a sign only where it turns."""
    letters, sign = "", ""
    for now, letter, _ in done:
        letters += (now if now != sign else "") + letter
        sign = now
    return " ".join([letters, *(argument for _, _, argument in done if argument is not None)])


def _apply(world: World, client: Client, channel: Channel, adding: bool, letter: str, argument: str) -> str | None:
    """The argument as others see it ("" where there is none); None where nothing changed."""
    if letter in PREFIXES:
        return _rank(world, client, channel, adding, letter, argument)
    if letter == "b":
        return _ban(world, client, channel, adding, argument)
    if letter == "k":
        channel.key = argument[:23].replace(",", "") if adding else None
        return channel.key or "*"
    if letter == "l":
        if adding and not (argument.isdecimal() and argument.isascii() and 0 < len(argument) < 7):
            return None
        channel.limit = int(argument) if adding else None
        return argument if adding else ""
    if (letter in channel.modes) == adding:
        return None
    if adding:
        channel.modes.add(letter)
    else:
        channel.modes.discard(letter)
    return ""


def _rank(world: World, client: Client, channel: Channel, adding: bool, letter: str, nick: str) -> str | None:
    member = world.nicks.get(world.fold(nick))
    if member is None or member not in channel.members:
        client.reply("441", nick, channel.name, "They aren't on that channel")
        return None
    ranks = channel.members[member]
    if (letter in ranks) == adding:
        return None
    if adding:
        ranks.add(letter)
    else:
        ranks.discard(letter)
    return member.nick


def _ban(world: World, client: Client, channel: Channel, adding: bool, mask: str) -> str | None:
    if not adding:
        return mask if channel.bans.pop(mask, None) is not None else None
    mask = _full_mask(mask[:200])
    if mask in channel.bans:
        return None
    if len(channel.bans) >= _MAX_BANS:
        client.reply("478", channel.name, "b", "Channel ban list is full")
        return None
    channel.bans[mask] = (client.source, world.seconds())
    return mask


def _full_mask(mask: str) -> str:
    if "!" not in mask and "@" not in mask:
        return f"{mask}!*@*"
    if "!" not in mask:
        return f"*!{mask}"
    return mask if "@" in mask else f"{mask}@*"


def _user_mode(world: World, client: Client, line: Incoming) -> None:
    if world.nicks.get(world.fold(line.params[0])) is not client:
        if world.fold(line.params[0]) in world.nicks:
            client.reply("502", "Cant change mode for other users")
        else:
            client.reply("401", line.params[0], "No such nick/channel")
        return
    if len(line.params) == 1:
        client.say(f"221 {client.nick} +{''.join(sorted(client.modes))}")
        return
    adding, done = True, []
    for letter in line.params[1]:
        if letter in "+-":
            adding = letter == "+"
        elif letter not in _USER_MODES:
            client.reply("501", "Unknown MODE flag")
        elif (letter in client.modes) != adding:
            client.modes ^= {letter}
            done.append(("+" if adding else "-", letter, None))
    if done:
        client.send(world.event(client, f"MODE {client.nick} :{_words(done)}"))


COMMANDS = {"MODE": Command(mode, 1)}
