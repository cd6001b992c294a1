"""Which notices stand in which timeline, the latest first."""

from collections.abc import Iterable, Iterator

from adapters.gnusocial.demo.state import Site
from adapters.gnusocial.demo.things import Bond, Direct, Group, Notice, Profile


def home(site: Site, who: Profile) -> Iterator[Notice]:
    """What reaches somebody by several ways (by whom they follow, by a mention, by a group) stands here as often.

    The server counts those when it cuts a page, and shows each once: so pages come back short, as recorded.
    """
    for notice in reversed(site.notices.values()):
        if (who.id, notice.author.id) in site.blocks:
            continue
        if notice.hidden:
            if notice.about is who:
                yield notice
            continue
        ways = (
            site.following(who, notice.author),
            who in notice.mentions and notice.author is not who,
            any(who in group.members for group in notice.groups) and notice.author is not who,
        )
        for _ in range(sum(ways)):
            yield notice


def mentions(site: Site, who: Profile) -> Iterator[Notice]:
    return (one for one in _shown(site, who) if who in one.mentions and one.verb == "post")


def public(site: Site, viewer: Profile | None) -> Iterator[Notice]:
    """Of this site's people."""
    return (one for one in _shown(site, viewer) if one.local)


def everywhere(site: Site, viewer: Profile | None) -> Iterator[Notice]:
    return (one for one in _shown(site, viewer))


def of(site: Site, author: Profile) -> Iterator[Notice]:
    return site.by(author)


def favourites(site: Site, who: Profile) -> Iterator[Notice]:
    return (site.notices[notice] for by, notice in reversed(site.faves) if by == who.id)


def group(site: Site, group: Group) -> Iterator[Notice]:
    return (one for one in reversed(site.notices.values()) if group in one.groups)


def tagged(site: Site, tag: str) -> Iterator[Notice]:
    return (one for one in reversed(site.notices.values()) if tag in one.tags)


def search(site: Site, words: str) -> Iterator[Notice]:
    wanted = words.casefold().split()
    return (
        one
        for one in reversed(site.notices.values())
        if one.verb == "post" and wanted and all(word in one.text.casefold() for word in wanted)
    )


def conversation(site: Site, id: int) -> Iterator[Notice]:
    """Posts only."""
    return (one for one in reversed(site.notices.values()) if one.conversation.id == id and one.verb == "post")


def repeats(site: Site, notice: Notice) -> Iterator[Notice]:
    return (one for one in reversed(site.notices.values()) if one.repeat_of is notice)


def inbox(site: Site, who: Profile) -> Iterator[Direct]:
    return (one for one in reversed(site.directs) if one.recipient is who)


def sent(site: Site, who: Profile) -> Iterator[Direct]:
    return (one for one in reversed(site.directs) if one.sender is who)


def fave_of(site: Site, notice: Notice) -> Bond | None:
    """Of a notice that tells of a favourite: None once it was taken back, or its notice deleted."""
    if not isinstance(notice.about, Notice):
        return None
    return site.faves.get((notice.author.id, notice.about.id))


def undone(site: Site, notice: Notice) -> bool:
    """A favourite that is none any more is left out wherever verbs are told (ActivityStreams, Atom)."""
    return notice.verb == "favorite" and fave_of(site, notice) is None


def _shown(site: Site, viewer: Profile | None) -> Iterable[Notice]:
    blocked = {whom for who, whom in site.blocks if viewer is not None and who == viewer.id}
    return (one for one in reversed(site.notices.values()) if not one.hidden and one.author.id not in blocked)
