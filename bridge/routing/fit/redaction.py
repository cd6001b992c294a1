"""A redaction: of the copy there, or not at all; words cannot take words back."""

from bridge.contract.features import Feature, Level
from bridge.model.events import Redaction
from bridge.routing.fit.context import Fitted, Fitting


def fit_redaction(redaction: Redaction, fitting: Fitting) -> Fitted:
    level = fitting.level(Feature.REDACTION)
    if not fitting.present(redaction.target.key):
        return Fitted(dropped=(Feature.REDACTION,))
    if level is Level.NATIVE:
        return Fitted(bodies=((redaction, 0),))
    if level is Level.DROPPED:
        return Fitted(dropped=(Feature.REDACTION,))
    words = f"what you took back stays readable in {fitting.leg.channel}: nothing can be deleted there"
    return Fitted(refused=words, dropped=(Feature.REDACTION,))
