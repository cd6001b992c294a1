"""The log holds no secret and obeys no stranger."""

import io
import json
import logging
import re
import sys
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.ops.logs import HIDDEN, HumanFormatter, JsonFormatter, Scrubber, configure


def record(message: str, *args: object, **facts: object) -> logging.LogRecord:
    made = logging.LogRecord("bridge.test", logging.WARNING, __file__, 1, message, args, None)
    made.created = 1_767_225_600.5  # 2026-01-01T00:00:00.5Z
    vars(made).update(facts)
    return made


def with_trouble(text: str) -> logging.LogRecord:
    try:
        raise RuntimeError(text)
    except RuntimeError:
        made = record("it broke")
        made.exc_info = sys.exc_info()
        return made


def test_people_get_a_line_with_facts() -> None:
    line = HumanFormatter(Scrubber()).format(record("lost %s", "it", network="local", reason="no way", empty=""))
    assert line == '00:00:00 warning bridge.test: lost it network=local reason="no way" empty=""'


def test_machines_get_one_object_a_line() -> None:
    entry = json.loads(JsonFormatter(Scrubber()).format(record("lost %s", "it", network="local", count=3, ok=True)))
    assert entry == {
        "at": "2026-01-01T00:00:00.500Z",
        "level": "warning",
        "logger": "bridge.test",
        "message": "lost it",
        "network": "local",
        "count": 3,
        "ok": True,
    }


@pytest.mark.parametrize("formatter", [HumanFormatter, JsonFormatter])
def test_a_known_secret_is_nowhere(formatter: type[HumanFormatter] | type[JsonFormatter]) -> None:
    form = formatter(Scrubber(["s3cr3t/+x"]))
    for made in (
        record("token is s3cr3t/+x"),
        record("%s", {"a": "s3cr3t/+x"}),
        record("x", fact="s3cr3t/+x"),
        record("GET /?q=s3cr3t%2F%2Bx"),
        with_trouble("refused s3cr3t/+x"),
    ):
        assert "s3cr3t" not in form.format(made)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("GET /sync?access_token=syt_abc&x=1", f"GET /sync?access_token={HIDDEN}&x=1"),
        ("Authorization: Bearer abc.def", f"Authorization: Bearer {HIDDEN}"),
        ('{"password": "hunter2", "a": 1}', f'{{"password": "{HIDDEN}", "a": 1}}'),
        ("hs_token = 'abc'", f"hs_token = '{HIDDEN}'"),
        ("postgresql://me:pw@host/db", f"postgresql://me:{HIDDEN}@host/db"),
        ("the token bucket is empty", "the token bucket is empty"),
        ("http://host:80/x", "http://host:80/x"),
    ],
)
def test_what_stands_where_secrets_stand_is_hidden_unknown_or_not(text: str, shown: str) -> None:
    assert Scrubber().clean(text) == shown


def test_a_secret_learned_later_is_hidden_from_then_on_and_short_ones_hide_no_text() -> None:
    scrubber = Scrubber(["ab"])
    assert scrubber.clean("about") == "about"
    scrubber.learn("abcdef", "abcdefgh")
    assert scrubber.clean("abcdefgh abcdef") == f"{HIDDEN} {HIDDEN}"


def test_a_stranger_cannot_write_a_line_of_his_own_or_move_the_cursor() -> None:
    line = HumanFormatter(Scrubber()).format(record("nick %s", "x\n00:00:00 error faked\x1b[2J\u202e", fact="a\r\nb"))
    assert "\n" not in line
    assert "\x1b" not in line
    assert "\\n00:00:00 error faked\\x1b[2J\\u202e" in line


def test_a_traceback_keeps_its_lines() -> None:
    lines = HumanFormatter(Scrubber()).format(with_trouble("x\x1b")).splitlines()
    assert lines[1].startswith("Traceback")
    assert lines[-1] == "RuntimeError: x\\x1b"


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    logger = logging.getLogger()
    kept, level = logger.handlers[:], logger.level
    yield logger
    logger.handlers[:] = kept
    logger.setLevel(level)


@pytest.mark.parametrize(("style", "human"), [("human", True), ("json", False), ("auto", False)])
def test_the_style_is_as_configured_and_auto_knows_a_pipe(root: logging.Logger, style: str, human: bool) -> None:
    stream = io.StringIO()
    configure("info", style, Scrubber(["hunter22"]), stream)
    logging.getLogger("bridge.x").info("with hunter22")
    logging.getLogger("bridge.x").debug("unseen")
    logging.getLogger("aiohttp.access").info("unseen")
    (line,) = stream.getvalue().splitlines()
    assert line.startswith("{") is not human
    assert "hunter22" not in line


def test_configuring_twice_writes_each_line_once(root: logging.Logger) -> None:
    stream = io.StringIO()
    for _ in range(2):
        configure("info", "human", Scrubber(), stream)
    logging.getLogger("bridge.x").info("once")
    assert len(stream.getvalue().splitlines()) == 1


@given(st.text(), st.text(min_size=4, max_size=12), st.text())
def test_wherever_a_secret_stands_it_is_hidden(before: str, secret: str, after: str) -> None:
    scrubber = Scrubber([secret])
    assert secret not in scrubber.clean(before + secret + after).replace(HIDDEN, "")


@given(st.text(), st.text())
def test_every_line_is_one_line(message: str, fact: str) -> None:
    made = record("%s", message, fact=fact)
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", HumanFormatter(Scrubber()).format(made))
    assert json.loads(JsonFormatter(Scrubber()).format(made))["level"] == "warning"
