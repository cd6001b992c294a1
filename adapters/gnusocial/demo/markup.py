"""From what somebody typed to the HTML that is shown, with links for people, groups, tags, addresses and files; and back."""

import html
import re
import unicodedata
from dataclasses import dataclass, field
from urllib.parse import quote

from adapters.gnusocial.demo.state import Site
from adapters.gnusocial.demo.things import File, Group, Profile

_TOKEN = re.compile(
    r"(?P<url>https?://[^\s<>\"]*[^\s<>\".,;:!?)])"
    r"|(?:(?<=^)|(?<=[\s(\[.]))(?:"
    r"@(?P<nick>[A-Za-z0-9]{1,64})(?:@(?P<host>[A-Za-z0-9.-]+(?::\d+)?))?(?![\w@])"
    r"|\#(?P<tag>[\w\-.]*\w)"
    r"|!(?P<group>[A-Za-z0-9]{1,64})(?!\w))",
    re.MULTILINE,
)
_BREAK = re.compile(r"<br\s*/?>")
_ELEMENT = re.compile(r"<[^>]*>")


@dataclass(slots=True)
class Marked:
    html: str = ""
    mentions: list[Profile] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)


def mark(site: Site, author: Profile, text: str, files: list[File], answered: Profile | None = None) -> Marked:
    """`answered`: whose notice it is an answer to, so that their short name is understood."""
    marked, parts, at = Marked(), [], 0
    for token in _TOKEN.finditer(text):
        parts.append(html.escape(text[at : token.start()], quote=False).replace('"', "&quot;"))
        parts.append(_linked(site, author, token, files, answered, marked))
        at = token.end()
    parts.append(html.escape(text[at:], quote=False).replace('"', "&quot;"))
    marked.html = "".join(parts).replace("\n", "<br />\n")
    return marked


def text_of(markup: str) -> str:
    """What a notice's HTML says: a break and the line end after it are two line ends, as GNU social has them."""
    return html.unescape(_ELEMENT.sub("", _BREAK.sub("\n", markup)))


def one_line(markup: str) -> str:
    """Every blank a space: so it stands in Atom and RSS."""
    return re.sub(r"\s", " ", markup)


def canonical(tag: str) -> str:
    """How a tag is looked up. The real server writes other scripts in Latin letters; here they stay."""
    bare = "".join(one for one in unicodedata.normalize("NFKD", tag).lower() if not unicodedata.combining(one))
    return re.sub(r"[^\w]", "", unicodedata.normalize("NFC", bare)).replace("_", "")


def _linked(
    site: Site, author: Profile, token: re.Match[str], files: list[File], answered: Profile | None, marked: Marked
) -> str:
    if token["url"]:
        return _address(token["url"], files)
    if token["tag"]:
        return _tag(site, token["tag"], marked)
    if token["group"]:
        return _group(site, author, token, marked)
    return _mention(site, author, token, answered, marked)


def _address(url: str, files: list[File]) -> str:
    shown = html.escape(url)
    file = next((one for one in files if one.page == url), None)
    if file is None:
        return f'<a href="{shown}" title="{shown}" rel="nofollow external">{shown}</a>'
    facts = f'rel="nofollow external noreferrer" class="attachment" id="attachment-{file.id}"'
    return f'<a href="{file.url}" title="{file.url}" {facts}>{shown}</a>'


def _tag(site: Site, written: str, marked: Marked) -> str:
    tag = canonical(written)
    if not tag:
        return f"#{html.escape(written)}"
    if tag not in marked.tags:
        marked.tags.append(tag)
    return f'#<span class="tag"><a href="{site.base}/tag/{quote(tag)}" rel="tag">{html.escape(written)}</a></span>'


def _group(site: Site, author: Profile, token: re.Match[str], marked: Marked) -> str:
    group = site.groups.get(token["group"].lower())
    if group is None or author not in group.members:
        return token[0]
    if group not in marked.groups:
        marked.groups.append(group)
        marked.tags.append(group.nick)
    title = html.escape(f"{group.fullname} ({group.nick})")
    return f'!<a href="{group.uri}" class="h-card u-url p-nickname group" title="{title}">{group.nick}</a>'


def _mention(site: Site, author: Profile, token: re.Match[str], answered: Profile | None, marked: Marked) -> str:
    who = _meant(site, author, token["nick"], token["host"], answered)
    if who is None:
        return html.escape(token[0])
    if who not in marked.mentions:
        marked.mentions.append(who)
    title = "" if token["host"] else f' title="{html.escape(who.best_name)}"'
    return f'@<a href="{who.uri}" class="h-card u-url p-nickname mention"{title}>{html.escape(who.nick)}</a>'


def _meant(site: Site, author: Profile, nick: str, host: str | None, answered: Profile | None) -> Profile | None:
    """Whom a name means: who is answered, then whom one follows, then who follows one, then somebody of this site."""
    nick = nick.lower()
    if host is not None:
        if host == site.host:
            return site.user(nick)
        return next((one for one in site.people.values() if one.nick == nick and one.url.startswith(f"http://{host}/")), None)
    near = [answered, *site.followed_by(author), *site.followers_of(author)]
    return next((one for one in near if one is not None and one.nick == nick), None) or site.user(nick)
