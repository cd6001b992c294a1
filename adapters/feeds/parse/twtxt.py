"""twtxt: one post a line, `2026-11-22T19:16:01Z<TAB>text`, with the metadata and hashes that yarn.social added. Pure."""

import hashlib
import re
from base64 import b32encode

from adapters.common.dates import moment
from adapters.common.media import absolute
from adapters.feeds.parse.entries import ParsedAuthor, ParsedEntry, ParsedFeed, ParsedMention
from adapters.feeds.parse.pieces import NoFeed, name_of, plain_text, tags_of
from bridge.model.events import Text
from bridge.text.html import plain_to_html

_LINE = re.compile(r"(?P<stamp>\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:[Zz]|[+-]\d\d:?\d\d)?)\t(?P<text>.*)")
_STAMP = re.compile(r"(?P<day>[\d-]{10})[Tt ](?P<minute>\d\d:\d\d)(?P<second>:\d\d)?(?:\.\d+)?(?P<zone>[Zz]|[+-]\d\d:?\d\d)?")
_FACT = re.compile(r"#\s*(?P<name>[a-z]{2,20})\s*=\s*(?P<value>\S.*)")
_MENTION = re.compile(r"@<(?:(?P<nick>[^\s<>]{1,100}) )?(?P<url>https?://[^\s<>]{1,2000})>")
_SUBJECT = re.compile(r"\(#(?:<)?(?P<hash>[a-z2-7]{7,12})(?: [^\s<>()]{1,2000}>)?\)\s*")
_TAG = re.compile(r"(?<![\w&/#])#(?:<(?P<far>[\w-]{1,80}) [^\s<>]{1,2000}>|(?P<near>[\w-]{1,80}))")
_HASH = 7
"""Characters of a hash (twt hash extension, first version)."""


def is_twtxt(body: bytes) -> bool:
    """Whether the first line that is no comment is a post of twtxt."""
    for line in body[:65536].splitlines():
        line = line.removeprefix(b"\xef\xbb\xbf").strip(b"\r\n ")
        if line and not line.startswith(b"#"):
            return _LINE.fullmatch(line.decode("utf-8", "replace")) is not None
    return False


def read_twtxt(body: bytes, url: str) -> ParsedFeed:
    """Raises `NoFeed` where no line is a post. Lines that are none are passed over."""
    facts: dict[str, str] = {}
    lines = []
    for line in body.decode("utf-8-sig", "replace").split("\n"):
        line = line.rstrip("\r")
        if found := _LINE.fullmatch(line):
            lines.append(found)
        elif fact := _FACT.fullmatch(line.rstrip()):
            facts.setdefault(fact["name"], fact["value"].strip())
    if not lines and not facts:
        raise NoFeed("it is no feed")
    own = facts.get("url") or url
    nick = name_of(facts.get("nick"))
    entries = (_entry(found["stamp"], found["text"], own) for found in lines)
    return ParsedFeed(
        url=url,
        kind="twtxt",
        title=nick,
        page=absolute(url, facts.get("link")),
        self_url=absolute(url, own),
        icon=absolute(url, facts.get("avatar")),
        author=ParsedAuthor(name=nick, uri=own) if nick else None,
        entries=tuple(entry for entry in entries if entry is not None),
    )


def _entry(stamp: str, written: str, own: str) -> ParsedEntry | None:
    at = moment(stamp)
    if at is None or not written.strip():
        return None
    subject = _SUBJECT.match(written)
    said = written[subject.end() :] if subject is not None else written
    said = said.replace("\u2028", "\n")
    mentions = {found["url"]: ParsedMention(uri=found["url"], text=_spelt(found)) for found in _MENTION.finditer(said)}
    return ParsedEntry(
        ids=(_hash(own, stamp, written),),
        text=_text(said),
        published=at,
        tags=tags_of(found["far"] or found["near"] for found in _TAG.finditer(said)),
        reply_to=subject["hash"] if subject is not None else None,
        mentions=tuple(mentions.values()),
        public=True,
    )


def _spelt(mention: re.Match[str]) -> str:
    return f"@{mention['nick'] or mention['url'].partition('://')[2]}"


def _text(said: str) -> Text:
    said = plain_text(said).plain
    if _MENTION.search(said) is None:
        return Text(plain=said)
    pieces, at = [], 0
    for found in _MENTION.finditer(said):
        link = f'<a href="{plain_to_html(found["url"]).replace(chr(34), "%22")}">{plain_to_html(_spelt(found))}</a>'
        pieces += [plain_to_html(said[at : found.start()]), link]
        at = found.end()
    return Text(plain=_MENTION.sub(_spelt, said), html="".join(pieces) + plain_to_html(said[at:]))


def _hash(own: str, stamp: str, written: str) -> str:
    """The twt hash: of the feed's first `url`, the stamp to the second in its own zone, and the text."""
    digest = hashlib.blake2b(f"{own}\n{_to_the_second(stamp)}\n{written}".encode("utf-8", "replace"), digest_size=32).digest()
    return b32encode(digest).decode().lower().rstrip("=")[-_HASH:]


def _to_the_second(stamp: str) -> str:
    found = _STAMP.fullmatch(stamp)
    if found is None:
        return stamp
    zone = found["zone"] or "Z"
    zone = zone if ":" in zone or zone in "zZ" else f"{zone[:3]}:{zone[3:]}"
    return f"{found['day']}T{found['minute']}{found['second'] or ':00'}{'Z' if zone in ('z', '+00:00', '-00:00') else zone}"
