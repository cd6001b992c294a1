"""Answers on their way out: what can't be written any more, nobody waits for."""

from xml.etree.ElementTree import Element

from adapters.xmpp.gateway.errands import Errand, Errands
from adapters.xmpp.gateway.refusing import BUSY, refusal
from adapters.xmpp.rooms.house import House
from bridge.contract.errors import DeliveryError


class Replies:
    def __init__(self, house: House, errands: Errands) -> None:
        self._house, self._errands = house, errands

    def write(self, element: Element) -> None:
        try:
            self._house.write(element)
        except DeliveryError as error:
            self._house.tools.log.debug("not answered: %s", error.reason)

    def refuse(self, stanza: Element, condition: str, words: str = "") -> None:
        answer = refusal(stanza, condition, words)
        if answer is not None:
            self.write(answer)

    def later(self, stanza: Element, errand: Errand) -> None:
        """It takes others to answer; where too much waits already, whoever asked is told to wait."""
        if not self._errands.do(errand):
            self.refuse(stanza, BUSY)
