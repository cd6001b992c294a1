"""A new name, topic or picture of the channel: each by its own level."""

from msgspec.structs import replace

from bridge.contract.features import Feature, Level
from bridge.model.events import ChannelChange, Message, Style, Text
from bridge.routing.fit.context import Fitted, Fitting, numbered
from bridge.routing.fit.message import fit_message
from bridge.text.plain import cut, one_line

_TOPIC_GRAPHEMES = 390


def fit_channel(change: ChannelChange, fitting: Fitting) -> Fitted:
    lines: list[str] = []
    dropped: list[Feature] = []
    refused: list[str] = []
    for feature, field in ((Feature.NAME, "name"), (Feature.TOPIC, "topic"), (Feature.AVATAR, "avatar")):
        value: str | None = getattr(change, field)
        level = fitting.level(feature)
        if value is None or level is Level.NATIVE:
            continue
        change = replace(change, **{field: None})
        if level is Level.RENDERED:
            lines.append(_line(field, value))
        elif level is Level.REFUSED:
            refused.append(fitting.sorry(f"a new {field}"))
        else:
            dropped.append(feature)
    bodies: tuple[ChannelChange | Message, ...] = () if change == ChannelChange() else (change,)
    if lines:
        said = fit_message(Message(text=Text(plain=" and ".join(lines)), style=Style.EMOTE), fitting)
        bodies += tuple(body for body, _ in said.bodies if isinstance(body, Message))
        dropped += said.dropped
    return Fitted(bodies=numbered(bodies), refused="; ".join(refused) or None, dropped=tuple(dropped))


def _line(field: str, value: str) -> str:
    if field == "avatar":
        return "changed the picture" if value else "removed the picture"
    return f"changed the {field} to: {cut(one_line(value), _TOPIC_GRAPHEMES)}" if value.strip() else f"cleared the {field}"
