"""What people do on a site: each verb changes its state and tells whoever listens. All refusals are `ApiError`s."""

import hashlib
import html
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from adapters.gnusocial.demo.markup import mark, text_of
from adapters.gnusocial.demo.pictures import measured
from adapters.gnusocial.demo.state import Site
from adapters.gnusocial.demo.things import (
    ApiError,
    Bond,
    Direct,
    File,
    Followed,
    Group,
    Notice,
    Profile,
    Published,
    Unfavoured,
    Unfollowed,
)

_EXTENSIONS = {"image/png": "png", "image/jpeg": "jpg", "image/gif": "gif", "text/plain": "txt"}


def post(
    site: Site,
    author: Profile,
    text: str,
    *,
    reply_to: Notice | None = None,
    attached: Sequence[File] = (),
    linked: Sequence[File] = (),
    source: str = "api",
    source_link: str | None = None,
) -> Notice:
    """`attached` came with the post; `linked` were sent before and show only as links (a quirk of this version)."""
    text = "".join([text, *(f" {file.page}" for file in (*linked, *attached))])
    limit = site.settings.text_limit
    if limit and len(text) > limit:
        raise ApiError(413, f"Maximum notice size is {limit} characters, including attachment URL.")
    _check_pace(site, author, text)
    marked = mark(site, author, text, [*linked, *attached], reply_to.author if reply_to else None)
    mentions = list(marked.mentions)
    if reply_to is not None and reply_to.author is not author and reply_to.author not in mentions:
        mentions.append(reply_to.author)
    notice = record(
        site,
        author,
        text,
        marked.html,
        type="comment" if reply_to else "note",
        source=source,
        source_link=source_link,
        reply_to=reply_to,
        conversation=reply_to.conversation if reply_to else site.conversation(),
        mentions=mentions,
        groups=marked.groups,
        tags=marked.tags,
        files=list(attached),
    )
    site.tell(Published(notice))
    return notice


def repeat(site: Site, who: Profile, original: Notice, *, source: str = "api") -> Notice:
    if original.repeat_of is not None:
        original = original.repeat_of
    if original.author is who:
        raise ApiError(400, "You cannot repeat your own notice.")
    if original.verb != "post":
        raise ApiError(403, "Cannot repeat that.")
    if repeat_by(site, who, original) is not None:
        raise ApiError(400, "You already repeated that notice.")
    text = f"RT @{original.author.nick} {original.text}"
    shown = mark(site, who, text, original.files, original.author).html
    notice = record(site, who, text, shown, verb="share", source=source, repeat_of=original, conversation=original.conversation)
    site.tell(Published(notice))
    return notice


def repeat_by(site: Site, who: Profile, notice: Notice) -> Notice | None:
    return next((one for one in site.notices.values() if one.author is who and one.repeat_of is notice), None)


def favourite(site: Site, who: Profile, notice: Notice, *, uri: str | None = None, source: str = "unknown") -> Notice:
    """`uri` where it was done elsewhere."""
    if (who.id, notice.id) in site.faves:
        raise ApiError(403, "You have already favorited this!")
    now = site.now()
    uri = uri or site.tag("fave", who.id, notice.type, notice.id, f"{now:%Y-%m-%dT%H:%M:%S}+00:00")
    site.faves[who.id, notice.id] = Bond(uri, now)
    shown = f"{html.escape(who.nick)} favorited something by {html.escape(notice.author.nick)}: {notice.html}"
    made = record(
        site,
        who,
        text_of(shown),
        shown,
        uri=uri,
        verb="favorite",
        source=source,
        reply_to=notice,
        about=notice,
        conversation=notice.conversation,
    )
    site.tell(Published(made))
    return made


def unfavourite(site: Site, who: Profile, notice: Notice) -> None:
    """The notice that told of it stays in the JSON timelines, and is left out of the others."""
    if site.faves.pop((who.id, notice.id), None) is None:
        raise ApiError(403, "You have not favorited this!")
    site.tell(Unfavoured(who, notice, site.now()))


def delete(site: Site, who: Profile, notice: Notice, *, source: str = "unknown") -> Notice:
    """Leaves a notice that says so, under a new number and the old global id."""
    if notice.author is not who:
        raise ApiError(403, "You may not delete another user's status.")
    for gone in (notice, *(one for one in list(site.notices.values()) if one.repeat_of is notice)):
        del site.notices[gone.id]
        site.deleted.add(gone.id)
    for key in [key for key in site.faves if key[1] == notice.id]:
        del site.faves[key]
    name, uri = html.escape(who.best_name), html.escape(notice.uri)
    shown = f'<a href="{who.url}">{name}</a> deleted notice <a href="{notice.url}">{{{{{uri}}}}}</a>.'
    told = record(
        site,
        who,
        f"{who.best_name} deleted notice {{{{{notice.uri}}}}}.",
        shown,
        uri=notice.uri,
        verb="delete",
        source=source,
        about=notice.uri,
        conversation=notice.conversation,
    )
    site.tell(Published(told))
    return told


def follow(site: Site, who: Profile, whom: Profile) -> None:
    if site.following(who, whom):
        raise ApiError(403, f"Could not follow user: {whom.nick} is already on your list.")
    if (whom.id, who.id) in site.blocks:
        raise ApiError(403, "Could not follow user: User not found.")
    now = site.now()
    uri = site.tag("subscription", who.id, "person", whom.id, f"{now:%Y-%m-%dT%H:%M:%S}+00:00")
    site.follows[who.id, whom.id] = Bond(uri, now)
    text = f"{who.best_name} ({who.url}) started following {whom.best_name} ({whom.url})."
    shown = f"{_link(who.url, who.best_name)} started following {_link(whom.url, whom.best_name)}."
    notice = record(
        site,
        who,
        text,
        shown,
        uri=uri,
        verb="follow",
        source="activity",
        about=whom,
        conversation=site.conversation(),
        hidden=not who.local,
    )
    if who.local:
        site.tell(Followed(who, whom, now, uri))
        site.tell(Published(notice))


def unfollow(site: Site, who: Profile, whom: Profile) -> None:
    if who is whom or site.follows.pop((who.id, whom.id), None) is None:
        raise ApiError(403, "Could not unfollow user: User not found.")
    site.tell(Unfollowed(who, whom, site.now()))


def block(site: Site, who: Profile, whom: Profile) -> None:
    if who is whom:
        raise ApiError(403, "You cannot block yourself!")
    site.blocks.add((who.id, whom.id))
    for pair in ((who, whom), (whom, who)):
        if (pair[0].id, pair[1].id) in site.follows:
            unfollow(site, *pair)


def found_group(site: Site, who: Profile, nick: str, fullname: str, description: str = "", location: str = "") -> Group:
    if not nick.isalnum() or nick.lower() in site.groups:
        raise ApiError(403, "Nickname already in use. Try another one.")
    site.number("profile")  # a group takes a number among the people
    id = site.number("group")
    group = Group(
        id=id,
        nick=nick.lower(),
        fullname=fullname or nick,
        description=description,
        location=location,
        created=site.now(),
        uri=f"{site.base}/group/{id}/id",
        url=f"{site.base}/group/{nick.lower()}",
        members=[who],
    )
    site.groups[group.nick] = group
    return group


def join(site: Site, who: Profile, group: Group) -> None:
    if who in group.members:
        raise ApiError(403, "You are already a member of that group.")
    group.members.append(who)
    uri = site.tag("group_member", who.id, "group", group.id, f"{site.now():%Y-%m-%dT%H:%M:%S}+00:00")
    text = f"{who.best_name} ({who.url}) joined the group {group.fullname} ({group.url})."
    shown = f"{_link(who.url, who.best_name)} joined the group {_link(group.url, group.fullname)}."
    conversation = site.conversation()
    notice = record(site, who, text, shown, uri=uri, verb="join", source="activity", about=group, conversation=conversation)
    site.tell(Published(notice))


def leave(site: Site, who: Profile, group: Group) -> None:
    if who not in group.members:
        raise ApiError(403, "You are not a member of this group.")
    group.members.remove(who)


def direct(site: Site, sender: Profile, recipient: Profile, text: str) -> Direct:
    limit = site.settings.text_limit
    if limit and len(text) > limit:
        raise ApiError(413, f"That's too long. Maximum message size is {limit} characters.")
    if not (site.following(sender, recipient) and site.following(recipient, sender)):
        raise ApiError(403, "Cannot send direct messages to users who aren't your friend.")
    made = Direct(id=site.number("direct"), sender=sender, recipient=recipient, text=text, created=site.now())
    site.directs.append(made)
    return made


def upload(site: Site, data: bytes, type: str) -> File:
    quota = site.settings.file_quota
    if len(data) > quota:
        raise ApiError(413, f"No file may be larger than {quota} bytes and the file you sent was {len(data)} bytes.")
    id = site.number("file")
    name = f"{hashlib.sha256(data).hexdigest()}.{_EXTENSIONS.get(type, 'bin')}"
    width, height = measured(data) or (None, None)
    file = File(
        id=id,
        name=name,
        type=type,
        data=data,
        page=f"{site.base}/attachment/{id}",
        url=f"{site.base}/file/{name}",
        width=width,
        height=height,
    )
    site.files[id] = file
    return file


def record(site: Site, author: Profile, text: str, shown: str, *, uri: str | None = None, **facts: Any) -> Notice:
    """The next notice of somebody of this site, or (with `uri`) what somebody elsewhere did."""
    id = site.number("notice")
    kind = facts.get("type", "note")
    notice = Notice(
        id=id,
        uri=uri or site.tag(f"noticeId={id}", f"objectType={kind}"),
        url=f"{site.base}/notice/{id}",
        author=author,
        text=text,
        html=shown,
        created=site.now(),
        **facts,
    )
    site.notices[id] = notice
    return notice


def _check_pace(site: Site, author: Profile, text: str) -> None:
    """The same words again too soon, and too many words too soon."""
    now, settings = site.now(), site.settings
    posts = [one for one in site.by(author) if one.verb == "post"]
    fresh = timedelta(seconds=settings.dupe_seconds)
    if any(one.text == text and now - one.created < fresh for one in posts):
        words = "Too many duplicate messages too quickly; take a breather and post again in a few minutes."
        raise ApiError(400, words)
    throttle = settings.throttle
    window = timedelta(seconds=throttle.timespan)
    if throttle.enabled and sum(now - one.created < window for one in posts) >= throttle.count:
        raise ApiError(400, "Too many notices too quickly; take a breather and post again in a few minutes.")


def _link(url: str, name: str) -> str:
    return f'<a href="{url}">{html.escape(name)}</a>'
