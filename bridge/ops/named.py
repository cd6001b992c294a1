"""Logins that the configuration names and nobody has: what is meant to be read or posted through them is not. Pure."""

from collections.abc import Callable, Collection, Iterator

from bridge.config.problems import nearest
from bridge.config.settings import PortalSettings, Settings
from bridge.model.ids import ChannelId
from bridge.model.portals import repost_ends


def unheld(
    settings: Settings, held: Collection[str], login_of: Callable[[ChannelId], str | None]
) -> Iterator[tuple[PortalSettings, str]]:
    """Each room of the file with what is wrong there, and the cure. `held` are the logins there are, as `network@name`."""
    for portal in settings.portals:
        for handle, where in dict(_named(portal, login_of)).items():
            if handle not in held:
                network, _, name = handle.partition("@")
                make = f'whoever it is for says "login {network} --name {name}"'
                hint = nearest(name, [other.partition("@")[2] for other in held if other.partition("@")[0] == network])
                yield portal, f"{where} the login {handle}, which nobody has{hint}; {make}"


def _named(portal: PortalSettings, login_of: Callable[[ChannelId], str | None]) -> Iterator[tuple[str, str]]:
    for rule in portal.timeline.repost:
        for handle in repost_ends(rule) or ():
            yield handle, "repost names"
    for handle in portal.post_to:
        yield handle, "post_to names"
    for link in portal.links:
        name = login_of(link.channel)
        if name is not None:
            yield f"{link.channel.network}@{name}", f"{link.channel} is seen through"
