"""Where the bridge is spoken to: the homeserver's listener, the strangers' listener, the terminal's socket."""

from collections.abc import Sequence

from bridge.app.ground import Ground
from bridge.app.linkage import Linkage
from bridge.app.office import BridgeOffice
from bridge.app.outfeeds import OutfeedDesk
from bridge.app.talks import Talks
from bridge.commands.desk import TERMINAL, Desk, terminal_asker
from bridge.contract.adapter import Listens
from bridge.contract.words import Answer
from bridge.delivery.courier import Courier
from bridge.delivery.intake import Intake
from bridge.delivery.signals import SignalRouter
from bridge.matrix.links import LinkDesk
from bridge.matrix.queries import Queries
from bridge.matrix.reactions import ReactionBook
from bridge.matrix.receiver import Receiver, Surroundings
from bridge.matrix.server import AppserviceApi, Listener, RouteEntry, application
from bridge.matrix.thirdparty import ThirdParty
from bridge.ops.control import Answers, Arguments
from bridge.ops.health import Health


def listeners(
    ground: Ground, receiver: Receiver, desk_of_links: LinkDesk, linkage: Linkage, outfeeds: OutfeedDesk
) -> Sequence[Listener]:
    settings, hub = ground.settings, ground.hub
    domain = settings.homeserver.domain
    queries = Queries(
        domain,
        settings.networks.__contains__,
        ensure=hub.puppets.ensure,
        known=hub.puppets.identity_of,
        make_for_alias=hub.rooms.make_for_alias,
    )
    lookups = ThirdParty(domain, ground.networks.searched())
    api = AppserviceApi(ground.tokens.homeserver, receiver.take, queries, lookups)
    health = Health(
        troubles=lambda: () if ground.ledger.trouble is None else (f"the ledger can't write: {ground.ledger.trouble}",),
        waiting=lambda: (*ground.networks.waiting(), *linkage.waiting),
        metrics=ground.metrics.text,
    )
    inner = [*api.routes(), *health.routes()]
    found = [Listener(application(inner), settings.bridge.listen)]
    if settings.bridge.public_listen:
        outer = [*desk_of_links.routes(), *_callbacks(ground), *(outfeeds.routes() if outfeeds.can else ())]
        found.append(Listener(application(outer), settings.bridge.public_listen))
    return found


def make_receiver(
    ground: Ground,
    intake: Intake,
    courier: Courier,
    signals: SignalRouter,
    desk: Desk,
    desk_of_links: LinkDesk,
    talks: Talks,
) -> Receiver:
    settings, hub = ground.settings, ground.hub
    words = {word for way, _ in desk.words() for word in way.split()}
    around = Surroundings(
        bot=hub.bot,
        prefix=settings.bridge.command_prefix,
        ours=hub.ours,
        doubled=lambda user: hub.api.doubles and user.endswith(f":{settings.homeserver.domain}"),
        identity_of=hub.people.identity_of,
        portal_in=ground.switchboard.portal_in,
        missed=hub.look_back.first_look,
        know=hub.people.know,
        recorded=courier.recorded,
        redacted=desk_of_links.redacted,
        answers=talks.hears,
        knows_word=words.__contains__,
    )
    return Receiver(
        around,
        intake,
        ReactionBook(ground.ledger),
        prove=courier.proved,
        signal=signals.signal,
        clock=ground.clock,
        metrics=ground.metrics,
    )


def _callbacks(ground: Ground) -> list[RouteEntry]:
    """What adapters want strangers to call, under their network's own path."""
    routes: list[RouteEntry] = []
    for name, supervisor in ground.networks.supervisors.items():
        if isinstance(supervisor.adapter, Listens):
            routes += [(method, f"/net/{name}/{path.lstrip('/')}", call) for method, path, call in supervisor.adapter.routes()]
    return routes


ANSWERED = "answer"
"""Said by the terminal itself, not by people: goes on with a talk. Arguments `talk` and `text`."""
FILES = "files"
"""Said by the terminal itself: which of a line's words name files whose text is meant."""


def terminal(desk: Desk, office: BridgeOffice, talks: Talks) -> Answers:
    """Whoever may open the socket is whom the bridge belongs to, unless they act for somebody."""

    async def answer(word: str, arguments: Arguments, user: str | None) -> Answer:
        if word == FILES and not isinstance(arguments, dict):
            return Answer(data=list(desk.files(arguments)))
        if word == ANSWERED and isinstance(arguments, dict):
            talk, text = arguments.get("talk"), arguments.get("text")
            if not (isinstance(talk, str) and isinstance(text, str)):
                return Answer(text="An answer needs a talk and a text.", failed=True)
            return await talks.answer(talk, user or TERMINAL, text)
        return await desk.ask(terminal_asker(user, office.permissions()), word, arguments)

    return answer
