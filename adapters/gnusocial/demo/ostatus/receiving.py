"""What an entry from elsewhere does to this site: a post, an answer, a repeat, a favourite, a delete, a follow."""

import re
from typing import NamedTuple

from lxml import etree

from adapters.common.atom import ACTIVITY, ATOM, OSTATUS, POCO, THREAD, links, text
from adapters.common.dates import moment
from adapters.gnusocial.demo import actions
from adapters.gnusocial.demo.markup import text_of
from adapters.gnusocial.demo.state import Site
from adapters.gnusocial.demo.things import ApiError, Conversation, Group, Notice, Profile

_FOREIGN = re.compile(r' id="attachment-\d+"|(?<=rel="nofollow) external')
_PERSON = "http://activitystrea.ms/schema/1.0/person"


class Author(NamedTuple):
    nick: str
    uri: str
    url: str
    fullname: str | None


def author_of(element: etree._Element) -> Author:
    """Of a feed or an entry. Raises `ValueError` where it names none."""
    found = element.find(f"{ATOM}author")
    uri = text(found, f"{ATOM}uri") if found is not None else None
    if found is None or uri is None:
        raise ValueError("the feed has no author")
    nick = text(found, f"{POCO}preferredUsername") or text(found, f"{ATOM}name") or "nobody"
    name = text(found, f"{POCO}displayName")
    return Author(nick.lower(), uri, link_of(found, "alternate") or uri, None if name == nick else name)


def link_of(element: etree._Element, rel: str) -> str:
    return next((one.get("href") or "" for one in links(element, rel)), "")


def _purified(shown: str) -> str:
    """HTML from elsewhere loses ids, and what links would be to this site."""
    return _FOREIGN.sub("", shown)


def picture_in(feed: etree._Element) -> str | None:
    """The author's largest."""
    author = feed.find(f"{ATOM}author")
    return (link_of(author, "avatar") or None) if author is not None else None


class Receiver:
    def __init__(self, site: Site) -> None:
        self._site = site

    def take(self, entry: etree._Element, author: Profile, owner: Profile | None) -> bool:
        """Does what it says, once. False for what `owner`, to whom it was sent, has nothing to do with."""
        verb = (text(entry, f"{ACTIVITY}verb") or "post").rpartition("/")[2]
        thing = entry.find(f"{ACTIVITY}object")
        about = (text(thing, f"{ATOM}id") if thing is not None else None) or ""
        match verb:
            case "post":
                self._post(entry, author)
            case "share" if thing is not None:
                self._share(entry, thing, author)
            case "favorite" | "like":
                return self._favourite(entry, about, author, owner)
            case "delete":
                self._delete(entry, about, author)
            case "follow" | "unfollow":
                return self._follow(verb, about, author, owner)
            case _:
                return False  # unfavourites among them: refused, as recorded
        return True

    def _post(self, entry: etree._Element, author: Profile) -> Notice | None:
        site, uri = self._site, text(entry, f"{ATOM}id")
        if uri is None:
            return None
        known = site.notice_by_uri(uri)
        if known is not None or self._was_deleted(uri):
            return known
        shown = _purified(text(entry, f"{ATOM}content") or "")
        answered = self._answered(entry)
        mentions, groups = self._meant(entry)
        made = actions.record(
            site,
            author,
            text_of(shown),
            shown,
            uri=uri,
            source="ostatus",
            type=(text(entry, f"{ACTIVITY}object-type") or "note").rpartition("/")[2],
            reply_to=answered,
            conversation=answered.conversation if answered else self._conversation(entry),
            mentions=mentions,
            groups=groups,
            tags=[one.get("term") or "" for one in entry.findall(f"{ATOM}category")],
        )
        self._settle(made, entry)
        return made

    def _share(self, entry: etree._Element, thing: etree._Element, author: Profile) -> None:
        site, uri = self._site, text(entry, f"{ATOM}id")
        if uri is None or site.notice_by_uri(uri) is not None:
            return
        shared = author_of(thing)
        whom = site.by_uri(shared.uri) or site.add_stranger(shared.nick, shared.uri, shared.url)
        original = self._post(thing, whom)
        if original is None or original.local:
            return  # that somebody elsewhere repeats what was said here is taken, and not kept: as recorded
        shown = _purified(text(entry, f"{ATOM}content") or "")
        made = actions.record(
            site,
            author,
            text_of(shown),
            shown,
            uri=uri,
            verb="share",
            source="ostatus",
            repeat_of=original,
            conversation=original.conversation,
        )
        self._settle(made, entry)

    def _favourite(self, entry: etree._Element, about: str, author: Profile, owner: Profile | None) -> bool:
        notice, uri = self._site.notice_by_uri(about), text(entry, f"{ATOM}id")
        if notice is None or uri is None or (owner is not None and notice.author is not owner):
            return owner is None
        if (author.id, notice.id) not in self._site.faves:
            actions.favourite(self._site, author, notice, uri=uri, source="ostatus")
        return True

    def _delete(self, entry: etree._Element, about: str, author: Profile) -> None:
        notice = self._site.notice_by_uri(about)
        if notice is not None and notice.author is author:
            self._settle(actions.delete(self._site, author, notice, source="ostatus"), entry)

    def _follow(self, verb: str, about: str, author: Profile, owner: Profile | None) -> bool:
        """Only who is followed may be told of it."""
        whom = self._site.by_uri(about)
        if owner is None or whom is not owner:
            return owner is None
        following = self._site.following(author, owner)
        try:
            if verb == "follow" and not following:
                actions.follow(self._site, author, owner)
            elif verb == "unfollow" and following:
                actions.unfollow(self._site, author, owner)
        except ApiError:
            return False
        return True

    def _settle(self, notice: Notice, entry: etree._Element) -> None:
        """Where it is, and when it was: elsewhere's word."""
        notice.url = link_of(entry, "alternate") or notice.url
        notice.created = moment(text(entry, f"{ATOM}published")) or notice.created

    def _was_deleted(self, uri: str) -> bool:
        return any(one.uri == uri and one.verb == "delete" for one in self._site.notices.values())

    def _answered(self, entry: etree._Element) -> Notice | None:
        found = entry.find(f"{THREAD}in-reply-to")
        return self._site.notice_by_uri(found.get("ref") or "") if found is not None else None

    def _conversation(self, entry: etree._Element) -> Conversation:
        found = entry.find(f"{OSTATUS}conversation")
        if found is None:
            return self._site.conversation()
        return self._site.conversation(found.get("ref") or text(entry, f"{OSTATUS}conversation"), found.get("href"))

    def _meant(self, entry: etree._Element) -> tuple[list[Profile], list[Group]]:
        people = [
            self._site.by_uri(one.get("href") or "")
            for one in links(entry, "mentioned")
            if one.get(f"{OSTATUS}object-type") == _PERSON
        ]
        return [one for one in people if one is not None], []
