"""Who comes and goes: JOIN, PART, QUIT, NICK, KICK, INVITE, and what tells who is there."""

from adapters.irc.heard.scene import Heard, Scene, reason_of
from bridge.model.events import Event, Membership, Move


class Moves:
    """Our own moves keep the roster and are no events. `show`: joins, parts and quits are events."""

    def __init__(self, scene: Scene, *, show: bool) -> None:
        self._scene = scene
        self._show = show

    def join(self, heard: Heard) -> tuple[Event, ...]:
        line = heard.line
        names = [name for name in line.param(0).split(",") if self._scene.isupport.is_channel(name)]
        account = line.params[1] if len(line.params) > 2 and line.params[1] != "*" else line.tags.get("account")
        mine = self._scene.is_me(line.nick)
        events = []
        for name in names if line.nick else ():
            if mine:
                self._scene.roster.leave(name)
            self._scene.roster.join(name, line.nick, line.user, line.host, account)
            if self._show and not mine:
                channel, who = self._scene.channel(name), self._scene.roster.identity(line.nick)
                body = Membership(who=who, move=Move.JOIN)
                events.append(self._scene.event(heard, channel, who, body, channel.id if len(names) > 1 else ""))
        return tuple(events)

    def part(self, heard: Heard) -> tuple[Event, ...]:
        line = heard.line
        names = [name for name in line.param(0).split(",") if self._scene.isupport.is_channel(name)]
        if self._scene.is_me(line.nick):
            for name in names:
                self._scene.roster.leave(name)
            return ()
        return self._gone(heard, names if line.nick else [], line.param(1))

    def quit(self, heard: Heard) -> tuple[Event, ...]:
        line = heard.line
        if not self._scene.is_person(line):
            return ()
        events = self._gone(heard, list(self._scene.roster.channels_of(line.nick)), line.param(0), apart=True)
        self._scene.roster.quit(line.nick)
        return events

    def _gone(self, heard: Heard, names: list[str], reason: str, apart: bool = False) -> tuple[Event, ...]:
        events = []
        for name in names:
            who, channel = self._scene.author(heard.line), self._scene.channel(name)
            self._scene.roster.part(name, heard.line.nick)
            if self._show:
                body = Membership(who=who, move=Move.LEAVE, reason=reason_of(reason))
                events.append(self._scene.event(heard, channel, who, body, channel.id if apart or len(names) > 1 else ""))
        return tuple(events)

    def nick(self, heard: Heard) -> tuple[Event, ...]:
        old, new = heard.line.nick, heard.line.param(0)
        if not old or not new:
            return ()
        who = self._scene.roster.rename(old, new)
        if self._scene.is_me(old):
            self._scene.me = new
            return ()
        body = Membership(who=who, move=Move.RENAME)
        return tuple(
            self._scene.event(heard, self._scene.channel(name), who, body, name) for name in self._scene.roster.channels_of(new)
        )

    def kick(self, heard: Heard) -> tuple[Event, ...]:
        """One channel and one nick, or as many of both, or one channel and many nicks (RFC 2812 §3.2.8)."""
        line = heard.line
        names, nicks = line.param(0).split(","), [nick for nick in line.param(1).split(",") if nick]
        pairs = list(zip(names, nicks, strict=False)) if len(names) == len(nicks) else [(names[0], nick) for nick in nicks]
        by = self._scene.author(line)
        events = []
        for name, nick in pairs:
            if not self._scene.isupport.is_channel(name):
                continue
            if self._scene.is_me(nick):
                self._scene.roster.leave(name)
                continue
            channel, who = self._scene.channel(name), self._scene.roster.identity(nick)
            self._scene.roster.part(name, nick)
            body = Membership(who=who, move=Move.KICK, by=by, reason=reason_of(line.param(2)))
            events.append(self._scene.event(heard, channel, by, body, f"{channel.id}/{who.id.id}" if len(pairs) > 1 else ""))
        return tuple(events)

    def invite(self, heard: Heard) -> tuple[Event, ...]:
        """Of others: invite-notify. Our own invitations are the adapter's business."""
        line = heard.line
        nick, name = line.param(0), line.param(1)
        if not nick or self._scene.is_me(nick) or not self._scene.isupport.is_channel(name):
            return ()
        by = self._scene.author(line)
        body = Membership(who=self._scene.roster.identity(nick), move=Move.INVITE, by=by)
        return (self._scene.event(heard, self._scene.channel(name), by, body),)

    def names(self, heard: Heard) -> tuple[Event, ...]:
        """353: who is there already; no events, they did not come just now."""
        line = heard.line
        name, marks = line.param(2), "".join(self._scene.isupport.prefix)
        if self._scene.isupport.is_channel(name):
            for entry in line.param(3).split():
                nick, _, address = entry.lstrip(marks).partition("!")
                user, at, host = address.partition("@")
                if nick:
                    self._scene.roster.join(name, nick, user if at else None, host if at else None)
        return ()

    def person(self, heard: Heard) -> tuple[Event, ...]:
        """ACCOUNT and CHGHOST: facts about a session, whose identity stays what it was."""
        line = heard.line
        if line.nick and line.command == "CHGHOST" and len(line.params) > 1:
            self._scene.roster.identity(line.nick, line.params[0], line.params[1])
        elif line.nick and line.command == "ACCOUNT":
            self._scene.roster.session(line.nick).account = line.param(0) if line.param(0) not in ("", "*") else None
        return ()
