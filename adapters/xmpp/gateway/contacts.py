"""Who may see whom one to one: what is agreed for each chat, kept in the ledger, and who is there now. Pure."""

from msgspec import Struct, field

from adapters.xmpp.stanza.here import Here, Kind
from bridge.model.signals import Availability
from bridge.text.escape import strip_controls
from bridge.text.plain import cut

_MOST_DEVICES = 16
_GRAPHEMES = 300


class Contact(Struct):
    """One chat. `sees`: the other sees our user, `seen`: the other way round; `asked`: they want to, `asking`: ours does."""

    sees: bool = False
    seen: bool = False
    asked: bool = False
    asking: bool = False
    nick: str | None = None
    devices: dict[str, tuple[int, Availability, str]] = field(default_factory=dict)

    @property
    def kept(self) -> str:
        """What is agreed, as words; `restored` reads it again."""
        return " ".join(name for name in _AGREED if getattr(self, name))

    def shown(self) -> tuple[Availability, str]:
        """Of the device that a server would send to first."""
        if not self.devices:
            return Availability.OFFLINE, ""
        _, availability, status = max(self.devices.values(), key=lambda one: one[0])
        return availability, status

    def meet(self, here: Here) -> bool:
        """They came, went or changed; whether they appear otherwise than before."""
        before, device = self.shown(), here.sender.partition("/")[2]
        if here.kind is Kind.AVAILABLE:
            if here.nick:
                self.nick = words(here.nick)
            if device not in self.devices and len(self.devices) >= _MOST_DEVICES:
                return False
            there = Availability.ONLINE if here.show in ("", "chat") else Availability.AWAY
            self.devices[device] = (here.priority, there, words(here.status))
        elif device:
            self.devices.pop(device, None)
        else:
            self.devices.clear()
        return self.shown() != before


_AGREED = ("sees", "seen", "asked", "asking")


def restored(kept: str) -> Contact:
    agreed = kept.split()
    sees, seen, asked, asking = (name in agreed for name in _AGREED)
    return Contact(sees=sees, seen=seen, asked=asked, asking=asking)


def words(text: str) -> str:
    """Of a stranger, for people."""
    return cut(" ".join(strip_controls(text).split()), _GRAPHEMES)
