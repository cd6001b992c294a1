"""The command line's grammar. Nothing of the bridge is imported here: `--help` must answer at once."""

import argparse
from typing import Protocol

DEFAULT_CONFIG = "bridge.toml"


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="unabridged",
        description="A bridge that leaves nothing out: Matrix rooms joined with the channels of other networks.",
        epilog="Exit status: 0 done, 1 it failed, 2 the command or the configuration is wrong. A network's own words are said "
        "after its name: unabridged NETWORK WORD …",
        allow_abbrev=False,
    )
    common = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    _add_options(common, silent=True)
    _add_options(parser, silent=False)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")

    def command(name: str, summary: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.", parents=[common])

    demo = command("demo", "a homeserver, an example network and the bridge on this machine, to try it out")
    demo.add_argument("folder", nargs="?", default=".unabridged", help="where it keeps its data (.unabridged)")
    command("run", "runs the bridge until it is told to stop")
    command("check", "looks whether everything is set up well: files, homeserver both ways, rooms, networks")
    registration = command("registration", "writes the registration file for the homeserver")
    registration.add_argument("--double-puppet", action="store_true", help="the second one, by which people appear as themselves")
    registration.add_argument("--force", action="store_true", help="write over one that is there; its tokens become void")
    _add_words(command)
    _add_own_words(command)
    return parser


class _Command(Protocol):
    def __call__(self, name: str, summary: str) -> argparse.ArgumentParser: ...


def _add_words(command: _Command) -> None:
    """What is asked of the running bridge."""
    link = command("link", "joins a room and a channel")
    link.add_argument("room", metavar="ROOM", help="an alias or a room id")
    link.add_argument("channel", metavar="CHANNEL", help="network/channel")
    link.add_argument("--direction", choices=("in", "out", "both"), help="seen from the room")
    link.add_argument("--relay", choices=("yes", "no"), help="whether what comes in goes on to the room's other links")
    unlink = command("unlink", "parts a room and a channel")
    unlink.add_argument("room", metavar="ROOM", help="an alias or a room id")
    unlink.add_argument("channel", metavar="CHANNEL", help="network/channel")
    links = command("links", "all links, or those of one room")
    links.add_argument("room", metavar="ROOM", nargs="?", help="an alias or a room id")
    command("status", "how the networks and the outbox are")
    trace = command("trace", "where each copy of a message is, when, with which proof")
    trace.add_argument("event", metavar="EVENT_ID", help="a Matrix event id, or network/id")
    dead = command("dead", "deliveries that were given up")
    dead.add_argument("channel", metavar="CHANNEL", nargs="?", help="only to this one")
    dead.add_argument("--limit", help="at most so many (50)")
    replay = command("replay", "tries dead letters again")
    replay.add_argument("delivery", metavar="DELIVERY", nargs="+", help='from "dead"; the first digits suffice; or "all"')
    replay.add_argument("--channel", help="only to this one")
    quarantine = command("quarantine", "what could not be read or done and was set aside, with the reason")
    quarantine.add_argument("--limit", help="at most so many (50)")
    release = command("release", "tries again what was set aside")
    release.add_argument("id", metavar="ID", nargs="+", help='from "quarantine"; or "all"')
    claim = command("claim", "what an identity says over there appears as a Matrix user's own words")
    claim.add_argument("identity", metavar="IDENTITY", help="network/identity")
    claim.add_argument("person", metavar="USER", help="a user id of this homeserver")
    unclaim = command("unclaim", "takes a claim back")
    unclaim.add_argument("identity", metavar="IDENTITY", help="network/identity")
    command("claims", "who appears as whom")
    command("version", "which version this is")


def _add_own_words(command: _Command) -> None:
    """What people ask of it for themselves: mostly with --as."""
    login = command("login", "an account on a network: reads and writes there as yourself")
    login.add_argument("network", metavar="NETWORK", help="its name in the configuration")
    login.add_argument("--name", help='what the login is called here ("me" where that is free)')
    logout = command("logout", "forgets a login and its secrets")
    logout.add_argument("login", metavar="LOGIN", help="its name, or network@name")
    command("logins", "the logins and how they are")
    follow = command("follow", "brings a feed, a person or a list of them into a timeline room")
    follow.add_argument(
        "what", metavar="WHAT", nargs="+", help="an address, user@host, network/channel, or a file of feeds (OPML)"
    )
    follow.add_argument("--room", help="an alias or a room id; your timeline unless said")
    follow.add_argument("--choose", metavar="N", help="of several that were found")
    follow.add_argument("--all", action="store_const", const="yes", help="everything that was found")
    unfollow = command("unfollow", "takes it out of the timeline again")
    unfollow.add_argument("what", metavar="WHAT", nargs="+", help='as "following" shows it, or as it was followed')
    unfollow.add_argument("--room", help="only in this room")
    following = command("following", "what comes into a timeline")
    following.add_argument("room", metavar="ROOM", nargs="?", help="an alias or a room id")
    same = command("same", "identities that are one human: one puppet, one face")
    same.add_argument("identities", metavar="IDENTITY", nargs="+", help="network/identity; the first one's face is shown")
    different = command("different", "an identity stands for itself again")
    different.add_argument("identity", metavar="IDENTITY", help="network/identity")
    command("persons", "which identities are one human")


def _add_options(parser: argparse.ArgumentParser, *, silent: bool) -> None:
    """The same before and after the command; those after it win, and say nothing (`silent`) where they are not given."""
    nothing = argparse.SUPPRESS if silent else None
    parser.add_argument(
        "--config", metavar="FILE", default=nothing, help=f"the configuration (UNABRIDGED_CONFIG, or {DEFAULT_CONFIG})"
    )
    parser.add_argument("--json", action="store_true", default=nothing or False, help="answer for scripts")
    parser.add_argument("--as", dest="user", metavar="@USER:DOMAIN", default=nothing, help="act for this user")
