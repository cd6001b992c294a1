"""All the words of one bridge, at one desk."""

import bridge
from bridge.app.calm import Calming
from bridge.app.ground import Ground
from bridge.app.office import BridgeOffice
from bridge.app.parting import Parting
from bridge.app.quarantine import Quarantine
from bridge.app.reception import Reception
from bridge.app.undoing import Undoing
from bridge.commands.desk import Desk
from bridge.commands.following import following_words
from bridge.commands.linking import linking_words
from bridge.commands.login import login_words
from bridge.commands.outfeed import outfeed_words
from bridge.commands.parting import parting_words
from bridge.commands.people import people_words
from bridge.commands.persons import person_words
from bridge.commands.quarantine import quarantine_words
from bridge.commands.undo import undo_words
from bridge.commands.watching import watching_words
from bridge.config.mark import mark_of
from bridge.contract.plan import Plan
from bridge.delivery.chores import ChoreWorker
from bridge.delivery.courier import Courier
from bridge.delivery.intake import Intake
from bridge.ledger.rows import Accepted
from bridge.model.events import Event
from bridge.model.ids import HUB


def build_desk(
    ground: Ground,
    calming: Calming,
    office: BridgeOffice,
    reception: Reception,
    plan: Plan,
    intake: Intake,
    courier: Courier,
    chores: ChoreWorker,
) -> Desk:
    """The core's words, and each network's."""

    async def accept(event: Event) -> Accepted:
        return await intake.accept(HUB, (event,))

    own = (
        *linking_words(office),
        *login_words(reception.accounts),
        *following_words(reception.wishes),
        *person_words(reception.persons),
        *people_words(office),
        *parting_words(office, Parting(ground.ledger, plan, courier)),
        *outfeed_words(office, reception.outfeeds),
        *undo_words(office, Undoing(ground.ledger, accept, ground.hub.api, ground.clock)),
        *watching_words(office, bridge.__version__, mark_of(ground.settings)),
        *quarantine_words(Quarantine(ground.ledger, plan, courier, ground.clock, chores.wake)),
    )
    return Desk((*own, *calming.words(ground, reception.timelines, courier)), ground.networks.words())
