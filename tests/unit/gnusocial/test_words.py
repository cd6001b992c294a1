"""The words act through the asker's own account, on whom was meant, and say what came of it."""

from adapters.gnusocial.commands import Words
from adapters.gnusocial.config import GnuSocialConfig
from adapters.gnusocial.wire.desk import Desk
from bridge.contract.logins import Login
from bridge.contract.words import Answer, Asker
from bridge.model.ids import IdentityId
from bridge.model.permissions import Permission
from tests.doubles.clock import FakeClock
from tests.unit.gnusocial.kit import LOGIN, NET, SECRETS, Answers, ScriptedHttp, Told, by_path, status, toolbox_with, user

ALICE = Asker(user="@a:hub", permission=Permission.USER)
MORE = Login(user="@a:hub", network=NET, name="more", identity=IdentityId(NET, "al@gs1.test"), secrets=SECRETS)
GNU = {"gnusocial/config": Told({"site": {"textlimit": 1000}, "attachments": {"file_quota": 5000}})}


class Office:
    def __init__(self, answers: Answers, *logins: Login) -> None:
        clock = FakeClock()
        self.http = ScriptedHttp(clock, answers)
        tools = toolbox_with(self.http, clock, *logins)
        self.desks = {one.name: Desk(NET, one, GnuSocialConfig(), tools) for one in logins}
        for desk in self.desks.values():
            desk.well()
        self.words = {word.name: word for word in Words(NET, self.desks.get, tools).all()}

    async def say(self, word: str, asker: Asker = ALICE, **given: str) -> Answer:
        return await self.words[word].run(asker, given)


async def test_somebody_here_is_followed_by_name() -> None:
    office = Office(by_path({"users/show/carol": Told(user(2, "carol")), "friendships/create": Told(user(2, "carol"))}), LOGIN)
    answer = await office.say("subscribe", user="@Carol")
    assert (answer.text, answer.failed) == ("carol@gs1.test is followed now.", False)
    assert office.http.asked[-1].form == {"user_id": "2", "screen_name": "carol"}


async def test_followed_already_is_said_in_the_servers_words() -> None:
    routes = {"users/show/carol": Told(user(2, "carol")), "friendships/create": Told({"error": "already on your list"}, 403)}
    answer = await Office(by_path(routes), LOGIN).say("subscribe", user="carol")
    assert (answer.text, answer.failed) == ("already on your list", True)


async def test_somebody_far_is_followed_by_the_command_that_gnu_social_has() -> None:
    friends: list[Told | OSError] = [Told([]), Told([user(5, "bob", "gs2.test")])]
    routes = {
        **GNU,
        "statuses/friends": friends,
        "statuses/followers": Told([]),
        "statuses/update": Told(status(3, "the last one")),
    }
    office = Office(by_path(routes), LOGIN)
    await office.desks["me"].account.learn()
    answer = await office.say("subscribe", user="bob@gs2.test")
    assert answer.text == "bob@gs2.test is followed now."
    assert [asked.form["status"] for asked in office.http.asked if asked.form] == ["follow bob@gs2.test"]


async def test_a_command_that_was_posted_instead_is_deleted_at_once() -> None:
    routes = {
        **GNU,
        "statuses/friends": Told([]),
        "statuses/followers": Told([]),
        "statuses/update": Told(status(3, "follow bob@gs2.test")),
        "statuses/destroy/3": Told({}),
    }
    office = Office(by_path(routes), LOGIN)
    await office.desks["me"].account.learn()
    answer = await office.say("subscribe", user="bob@gs2.test")
    assert answer.failed and office.http.calls()[-1] == "POST statuses/destroy/3"


async def test_nothing_is_posted_to_a_server_without_commands() -> None:
    for settings in (Told({"site": {"friendica": {"FRIENDICA_VERSION": "2024"}}}), Told({"error": "no"}, 404)):
        routes = {"gnusocial/config": settings, "statuses/friends": Told([]), "statuses/followers": Told([])}
        office = Office(by_path(routes), LOGIN)
        await office.desks["me"].account.learn()
        answer = await office.say("subscribe", user="bob@gs2.test")
        assert answer.failed and "web page" in answer.text
        assert not any(call.startswith("POST") for call in office.http.calls())


async def test_everybody_acts_through_their_own_login_only() -> None:
    stranger = Asker(user="@b:hub", permission=Permission.ADMIN)
    office = Office(by_path({}), LOGIN)
    for given in ({}, {"login": "me"}):
        answer = await office.say("block", stranger, user="carol", **given)
        assert answer.failed and "no login" in answer.text
    assert office.http.calls() == []


async def test_with_several_logins_one_is_named() -> None:
    office = Office(by_path(GNU), LOGIN, MORE)
    assert "me, more" in (await office.say("limits")).text
    assert not (await office.say("limits", login="more")).failed


async def test_limits_are_asked_anew() -> None:
    office = Office(by_path({"gnusocial/config": [*GNU.values(), Told({"site": {"textlimit": 0}})]}), LOGIN)
    assert (await office.say("limits")).text == "gs1.test takes 1000 characters a post, and files of 5000 bytes."
    assert (await office.say("limits")).text == "gs1.test takes posts of any length, and files of any size."


async def test_blocking_groups_and_their_undoing() -> None:
    routes = {"users/show/dave": Told(user(3, "dave"))}
    groups = ("statusnet/groups/join/gateways", "statusnet/groups/leave/gateways")
    calls = ("blocks/create", "blocks/destroy", "friendships/destroy", *groups)
    office = Office(by_path({**routes, **{call: Told({}) for call in calls}}), LOGIN)
    for word in ("block", "unblock", "unsubscribe"):
        assert not (await office.say(word, user="dave")).failed
    for word in ("join-group", "leave-group"):
        assert not (await office.say(word, group="!Gateways")).failed
    assert [call.partition(" ")[2] for call in office.http.calls() if call.startswith("POST")] == list(calls)


async def test_trouble_and_nonsense_are_answers_not_crashes() -> None:
    office = Office(by_path({"users/show/carol": OSError("it took too long")}), LOGIN)
    for word, given in (("subscribe", "carol"), ("block", ""), ("block", "@@"), ("join-group", "!"), ("block", "a@b@")):
        name = "group" if "group" in word else "user"
        assert (await office.say(word, **{name: given})).failed
    office.desks["me"].ill("the server is away")
    assert (await office.say("limits")).text == "the server is away"
