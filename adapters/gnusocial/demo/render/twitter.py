"""The Twitter-compatible face, keys in the recorded order, with numbers that are numbers and numbers that are strings."""

import json
from datetime import datetime
from typing import Any

from adapters.gnusocial.demo.actions import repeat_by
from adapters.gnusocial.demo.render.faces import ORIGINAL, STREAM, face
from adapters.gnusocial.demo.state import Site
from adapters.gnusocial.demo.things import Direct, Group, Notice, Profile

Values = dict[str, Any]


def encode(data: Any) -> bytes:
    """As PHP does: slashes and everything that is not ASCII escaped."""
    return json.dumps(data, separators=(",", ":")).replace("/", "\\/").encode()


def date(at: datetime) -> str:
    return f"{at:%a %b %d %H:%M:%S} +0000 {at:%Y}"


def status(site: Site, notice: Notice, viewer: Profile | None, *, whole: bool = True, just_repeated: bool = False) -> Values:
    """`whole`: with its author. `just_repeated`: the answer to a repeat, which doesn't know it of itself yet."""
    answered = notice.reply_to
    found: Values = {
        "text": notice.text,
        "truncated": False,
        "created_at": date(notice.created),
        "in_reply_to_status_id": None if answered is None else str(answered.id),
        "uri": notice.uri,
        "source": notice.source,
        "source_link": notice.source_link,
        "id": notice.id,
        "in_reply_to_user_id": None if answered is None else answered.author.id,
        "in_reply_to_screen_name": None if answered is None else answered.author.nick,
        "geo": None,
    }
    if notice.files:
        found["attachments"] = [{"url": one.url, "mimetype": one.type, "size": str(len(one.data))} for one in notice.files]
    if whole:
        found["user"] = user(site, notice.author, viewer)
    repeated = None if viewer is None or just_repeated else repeat_by(site, viewer, notice)
    found["statusnet_html"] = notice.html
    found["statusnet_conversation_id"] = notice.conversation.id
    found["favorited"] = viewer is not None and (viewer.id, notice.id) in site.faves
    found["repeated"] = repeated is not None
    if repeated is not None:
        found["repeated_id"] = repeated.id
    if notice.repeat_of is not None and whole:
        found["retweeted_status"] = status(site, notice.repeat_of, viewer, just_repeated=just_repeated)
    return found


def user(site: Site, who: Profile, viewer: Profile | None, *, latest: bool = False) -> Values:
    """`latest`: with their last notice."""
    following = viewer is not None and site.following(viewer, who)
    found: Values = {
        "id": who.id,
        "name": who.best_name,
        "screen_name": who.nick,
        "location": who.location,
        "description": who.bio,
        "profile_image_url": face(site, who, STREAM),
        "profile_image_url_https": face(site, who, STREAM),
        "profile_image_url_profile_size": face(site, who, ORIGINAL),
        "profile_image_url_original": face(site, who, ORIGINAL),
        "groups_count": len(site.groups_of(who)),
        "linkcolor": False,
        "backgroundcolor": False,
        "url": who.homepage,
        "protected": False,
        "followers_count": len(site.followers_of(who)),
        "friends_count": len(site.followed_by(who)),
        "created_at": date(who.created),
        "utc_offset": "0",
        "time_zone": "UTC",
        "statuses_count": sum(one.verb == "post" for one in site.by(who)),
        "following": following,
        "statusnet_blocking": viewer is not None and (viewer.id, who.id) in site.blocks,
        "notifications": following,
    }
    last = next(site.by(who), None) if latest else None
    if last is not None:
        found["status"] = status(site, last, viewer, whole=False)
    found["statusnet_profile_url"] = who.url
    found["favourites_count"] = sum(by == who.id for by, _ in site.faves)
    return found


def direct(site: Site, message: Direct, viewer: Profile) -> Values:
    return {
        "id": message.id,
        "sender_id": message.sender.id,
        "text": message.text,
        "recipient_id": message.recipient.id,
        "created_at": date(message.created),
        "sender_screen_name": message.sender.nick,
        "recipient_screen_name": message.recipient.nick,
        "sender": user(site, message.sender, viewer),
        "recipient": user(site, message.recipient, viewer),
    }


def group(group: Group, viewer: Profile | None) -> Values:
    return {
        "id": group.id,
        "url": group.uri,
        "nickname": group.nick,
        "fullname": group.fullname,
        "member": viewer in group.members,
        "blocked": False,
        "admin_count": 0,
        "member_count": len(group.members),
        "original_logo": None,
        "homepage_logo": None,
        "stream_logo": None,
        "mini_logo": None,
        "homepage": None,
        "description": group.description or None,
        "location": group.location or None,
        "created": date(group.created),
        "modified": date(group.created),
    }


def relationship(site: Site, source: Profile, target: Profile) -> Values:
    """`followed_by` and `following` of each side, as friendships/show has them."""

    def side(who: Profile, other: Profile) -> Values:
        return {
            "screen_name": who.nick,
            "followed_by": site.following(other, who),
            "following": site.following(who, other),
            "notifications_enabled": site.following(who, other),
            "blocking": (who.id, other.id) in site.blocks,
            "id": who.id,
        }

    return {"relationship": {"source": side(source, target), "target": side(target, source)}}
