"""What a room is told of the account that brought a post."""

from bridge.model.events import Edit, Mention, Message, Text
from bridge.model.ids import HUB, IdentityId
from bridge.model.people import Identity
from bridge.model.portals import PortalKind
from tests.unit.routing.scene import happened, link, post, ref
from tests.unit.routing.timeline import FEED, HOME, OTHER, ROOM, SOCIAL, Timeline


def via(world: Timeline, channel: str) -> str | None:
    network = channel.partition("/")[0]
    drafts = world.plan(happened("1", channel, f"{network}/eve", post("news"))).drafts
    told = {str(draft.delivery.channel): draft.delivery.via for draft in drafts}
    assert not any(name for place, name in told.items() if place != ROOM)
    return told[ROOM]


def test_the_account_is_told_where_something_else_feeds_the_room() -> None:
    assert via(Timeline(), HOME) == "rich@me"
    assert via(Timeline(), OTHER) == "rich@work"
    assert via(Timeline(), FEED) is None


def test_nothing_is_told_where_all_comes_by_one_account_or_the_room_is_no_timeline() -> None:
    alone = (link(1, HOME, direction="in"), link(2, "rich/mentions@me", direction="in"))
    assert via(Timeline(*alone), HOME) is None
    outward = (link(1, HOME, direction="in"), link(2, "plain/#a", direction="out"))
    assert via(Timeline(*outward), HOME) is None
    assert via(Timeline(kind=PortalKind.CHAT), HOME) is None


def named(id: str) -> Message:
    who = Identity(id=IdentityId(SOCIAL, id))
    return Message(text=Text(plain="@you there"), mentions=(Mention(who=who, text="@you"),))


def meant(world: Timeline, channel: str, body: Message | Edit) -> IdentityId:
    network = channel.partition("/")[0]
    delivery = next(
        draft.delivery
        for draft in world.plan(happened("9", channel, f"{network}/eve", body)).drafts
        if str(draft.delivery.channel) == ROOM
    )
    message = delivery.body.message if isinstance(delivery.body, Edit) else delivery.body
    assert isinstance(message, Message)
    return message.mentions[0].who.id


def test_who_owns_the_account_that_brought_a_post_is_meant_where_it_is_named() -> None:
    owner = IdentityId(HUB, "@alice:hs")
    assert meant(Timeline(), HOME, named("me@site")) == owner
    world = Timeline()
    world.plan(happened("1", HOME, "rich/eve", named("somebody@site")))
    assert meant(world, HOME, Edit(target=ref("1", "rich"), message=named("me@site"))) == owner


def test_nobody_learns_from_another_source_whose_account_it_is() -> None:
    assert meant(Timeline(), FEED, named("me@site")) == IdentityId(SOCIAL, "me@site")
    assert meant(Timeline(), OTHER, named("me@site")) == IdentityId(SOCIAL, "me@site")
    assert meant(Timeline(), HOME, named("eve@site")) == IdentityId(SOCIAL, "eve@site")
