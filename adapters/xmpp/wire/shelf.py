"""Where the component's people put their files: an upload service of its server (XEP-0363), if there is one that takes them."""

import asyncio
from xml.etree.ElementTree import Element

from msgspec.structs import replace

from adapters.xmpp.config import XmppConfig
from adapters.xmpp.wire.archive import Asks
from adapters.xmpp.wire.component import Link
from adapters.xmpp.wire.uploads import Offer, Uploads, has_files, offer_of, probe
from bridge.contract.delivery import Delivery
from bridge.contract.errors import Unavailable
from bridge.contract.features import Feature, Features, Level
from bridge.contract.toolbox import Toolbox


class Shelf:
    """Of one component, over all its connections. Where it takes nothing, files are links to the bridge."""

    def __init__(self, config: XmppConfig, tools: Toolbox) -> None:
        self._config, self._tools = config, tools
        self._uploads = Uploads(tools)
        self._link: Link | None = None
        self._offer: Offer | None = None
        self._learned = asyncio.Event()
        self._said: str | None = None

    def shown(self, features: Features) -> Features:
        """With what may be done with files now."""
        if self._offer is None:
            return features
        levels = {**features.levels, Feature.ATTACHMENT: Level.NATIVE}
        return replace(features, levels=levels, limits=replace(features.limits, attachment=self._offer.limit))

    async def learn(self, link: Link) -> None:
        """A new connection: what there is now. Asks for a place that is never used: services don't say whom they serve."""
        self._link = link
        self._learned.clear()
        host = self._config.component or ""
        asks = Sender(link, f"files@{host}/unabridged")
        try:
            offer = await offer_of(asks, self._config.upload_service or host.partition(".")[2])
            refused = await probe(asks, offer) if offer is not None else "there is none that we know of"
            self._offer = offer if refused is None else None
            self._say(refused)
        except (Unavailable, TimeoutError) as error:
            self._tools.log.debug("whether there is an upload service is not known: %s", error)
        finally:
            self._learned.set()

    def _say(self, refused: str | None) -> None:
        """Once, and again when it is otherwise."""
        if refused is not None and refused != self._said:
            self._tools.log.warning("files are sent as links, since no upload service takes them: %s", refused)
        self._said = refused

    async def placed(self, delivery: Delivery, sender: str) -> Delivery:
        """The delivery with its files where its readers can get them; `sender` asks for the place. Raises `DeliveryError`."""
        if not has_files(delivery):
            return delivery
        await self._learned.wait()
        if self._link is None or not self._link.up:
            raise Unavailable("the connection was lost")
        service, limit = (None, None) if self._offer is None else (self._offer.service, self._offer.limit)
        return await self._uploads.placed(Sender(self._link, sender), service, limit, delivery)


class Sender:
    """Asks over the component's link in somebody's name: `jid`, full."""

    def __init__(self, link: Asks, jid: str) -> None:
        self._link, self._jid = link, jid

    def ask(self, iq: Element) -> "asyncio.Future[Element]":
        iq.set("from", self._jid)
        return self._link.ask(iq)
