"""Stanzas are counted as both sides do: what is not settled is not acknowledged, what is not acknowledged is not forgotten."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.xmpp.wire.session import Session
from bridge.contract.errors import Uncertain


def managed() -> Session:
    session = Session()
    session.enable()
    session.enabled("key")
    return session


def test_a_stanza_behind_one_that_is_not_settled_is_not_acknowledged() -> None:
    session = managed()
    first, second = session.took(), session.took()
    session.settle(second)
    assert session.to_tell() is None
    session.settle(first)
    assert session.to_tell() == 2
    assert session.to_tell() is None


def test_what_was_not_acknowledged_comes_again_and_counts_once() -> None:
    session = managed()
    one, two = session.took(), session.took()
    session.settle(one)
    assert session.acknowledged() == 1
    session.resumed()
    session.settle(two)  # committed meanwhile, but the server sends it again all the same
    assert session.acknowledged() == 1
    session.settle(session.took())
    assert session.acknowledged() == 2


def test_a_ticket_of_a_lost_session_means_nothing_to_the_next() -> None:
    session = managed()
    old = session.took()
    session.lost("gone")
    session.enable()
    session.enabled("other")
    new = session.took()
    session.settle(old)
    assert session.acknowledged() == 0
    session.settle(new)
    assert session.acknowledged() == 1


async def test_who_waits_is_told_when_the_server_has_it_and_not_before() -> None:
    session = managed()
    session.sent("<message/>")
    fence = session.fence()
    session.sent("<message/>")
    assert not fence.done()
    session.acked(1)
    assert fence.done()
    assert not session.fence().done()


async def test_who_waits_when_a_session_is_lost_is_in_doubt() -> None:
    session = managed()
    session.sent("<message/>")
    fence = session.fence()
    session.lost("the server was away")
    with pytest.raises(Uncertain, match="the server was away"):
        await fence


def test_a_resumed_session_sends_again_what_the_server_does_not_have() -> None:
    session = managed()
    for name in ("<a/>", "<b/>", "<c/>"):
        session.sent(name)
    session.acked(1)
    assert session.resumed() == ("<b/>", "<c/>")


@pytest.mark.parametrize("h", [2, 2**32 - 1, -1])
def test_a_server_that_acknowledges_what_was_never_sent_is_found_out(h: int) -> None:
    session = managed()
    session.sent("<a/>")
    with pytest.raises(ValueError, match="acknowledges"):
        session.acked(h)


@given(st.lists(st.sampled_from(["take", "settle", "resume", "lose"]), max_size=60), st.randoms(use_true_random=False))
def test_the_count_is_of_the_settled_head_whatever_happens(steps: list[str], source: object) -> None:
    """Against a list: what the server would have to send again is exactly what is not acknowledged."""
    session, model = managed(), [0, []]
    open_: list[tuple[int, list[bool]]] = []
    count, owed = model[0], []
    for step in steps:
        if step == "take":
            flag = [False]
            owed.append(flag)
            open_.append((session.took(), flag))
        elif step == "settle" and open_:
            ticket, flag = open_.pop(source.randrange(len(open_)))  # type: ignore[attr-defined]
            session.settle(ticket)
            flag[0] = True
            while owed and owed[0][0]:
                owed.pop(0)
                count += 1  # type: ignore[operator]
        elif step == "resume":
            session.resumed()
            owed.clear()
            open_ = [(ticket, [False]) for ticket, _ in open_]
        elif step == "lose":
            session.lost("x")
            session.enable()
            session.enabled("again")
            count, owed = 0, []
            open_ = [(ticket, [False]) for ticket, _ in open_]
        assert session.acknowledged() == count
