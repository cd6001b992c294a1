"""claim, unclaim, claims: the operator alone says whose words appear as whom."""

import pytest

from bridge.commands.desk import Desk
from bridge.commands.people import people_words
from bridge.contract.words import Answer, Asker
from bridge.model.permissions import Permission
from tests.unit.commands.office import ADMIN, SmallOffice, asker


async def said(line: str, by: Asker = ADMIN, office: SmallOffice | None = None) -> Answer:
    word, *arguments = line.split()
    return await Desk(people_words(office or SmallOffice())).ask(by, word, arguments)


async def test_a_claim_is_made_shown_and_taken_back() -> None:
    office = SmallOffice()
    made = await said("claim local/al @alice:localhost", office=office)
    assert not made.failed and "@alice:localhost" in made.text
    assert (await said("claims", office=office)).rows == (("local/al", "@alice:localhost"),)
    assert not (await said("unclaim local/al", office=office)).failed
    assert (await said("claims", office=office)).text == "No claims."


@pytest.mark.parametrize("word", ["claim local/al @alice:localhost", "unclaim local/al", "claims"])
@pytest.mark.parametrize("permission", [Permission.RELAY, Permission.USER])
async def test_nobody_may_appoint_himself_to_speak_for_another(word: str, permission: Permission) -> None:
    office = SmallOffice()
    assert (await said(word, asker(permission, power=100), office)).failed
    assert office.claimed == {}


@pytest.mark.parametrize("identity", ["al", "local/", "/al", "matrix/@bob:localhost", "elsewhere/al"])
async def test_what_is_no_identity_is_told(identity: str) -> None:
    answer = await said(f"claim {identity} @alice:localhost")
    assert answer.failed and "network/identity" in answer.text


async def test_only_a_user_id_can_be_appeared_as() -> None:
    assert "no Matrix user id" in (await said("claim local/al alice")).text


async def test_an_unknown_claim_can_not_be_taken_back() -> None:
    assert "Nobody claims" in (await said("unclaim local/al")).text
