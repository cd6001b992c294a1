"""Settings that cannot work are refused in words, before anything is connected."""

import pytest

from adapters.xmpp.config import XmppConfig, address

GOOD = {"component": "matrix.example.org", "secret": "let me in"}


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"component": "Matrix.example.org"}, "lower case"),
        ({"component": "a@b"}, "host name"),
        ({"component": ""}, "host name"),
        ({"secret": None}, "secret"),
        ({"secret": "a\nb"}, "control"),
        ({"server": "host:port"}, "host:port"),
        ({"nick": " "}, "nick"),
        ({"nick": "a\x02b"}, "nick"),
        ({"nick_pattern": "matrix"}, "{name}"),
        ({"idle_hours": -1.0}, "idle_hours"),
        ({"idle_hours": float("nan")}, "idle_hours"),
        ({"ping_seconds": 0.0}, "ping_seconds"),
        ({"stanza_bytes": 10}, "stanza_bytes"),
    ],
)
def test_a_setting_that_cannot_work_is_refused_in_words(wrong: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        XmppConfig(**{**GOOD, **wrong})  # type: ignore[arg-type]


def test_accounts_alone_need_no_settings() -> None:
    assert XmppConfig().component is None


def test_a_server_without_a_port_is_at_the_usual_one() -> None:
    assert address("xmpp.example.org") == ("xmpp.example.org", 5347)
    assert address("[::1]:8888") == ("::1", 8888)
