"""Cuts one copy of an event to what its destination can do; one module for each kind of body.

A feature below NATIVE never gets past here: an edit has become a correction line, an attachment a link, a reply a quoted line, a
boost text. So each fallback exists once and looks the same everywhere. Odd input is fitted too: nothing in here raises.
"""

from bridge.contract.features import Features, Splitter, Voice
from bridge.model.events import Boost, ChannelChange, Edit, Event, Membership, Message, ProfileChange, Reactions, Redaction
from bridge.routing.fit.boost import fit_boost
from bridge.routing.fit.channel import fit_channel
from bridge.routing.fit.context import FitContext, Fitted, Fitting
from bridge.routing.fit.edit import fit_edit
from bridge.routing.fit.message import fit_message
from bridge.routing.fit.people import fit_membership, fit_profile
from bridge.routing.fit.reactions import fit_reactions
from bridge.routing.fit.redaction import fit_redaction
from bridge.routing.topology import Leg

__all__ = ["FitContext", "Fitted", "fit"]


def fit(event: Event, leg: Leg, features: Features, voice: Voice, split: Splitter | None, context: FitContext) -> Fitted:
    """The bodies for one leg, each for one delivery. References in the event name roots (see `Lookup.root`)."""
    fitting = Fitting(event, leg, features, voice, split, context)
    match event.body:
        case Message() as message:
            return fit_message(message, fitting)
        case Edit() as edit:
            return fit_edit(edit, fitting)
        case Reactions() as reactions:
            return fit_reactions(reactions, fitting)
        case Redaction() as redaction:
            return fit_redaction(redaction, fitting)
        case Boost() as boost:
            return fit_boost(boost, fitting)
        case Membership() as membership:
            return fit_membership(membership, fitting)
        case ProfileChange() as change:
            return fit_profile(change, fitting)
        case ChannelChange() as change:
            return fit_channel(change, fitting)
