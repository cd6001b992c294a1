"""The third face, `.as` (ActivityStreams 1 in JSON): it alone has the verbs and the global ids of posts and conversations."""

from typing import Any

from adapters.gnusocial.demo.actions import repeat_by
from adapters.gnusocial.demo.markup import one_line
from adapters.gnusocial.demo.render.faces import Face, faces
from adapters.gnusocial.demo.state import Site
from adapters.gnusocial.demo.things import Group, Notice, Profile
from adapters.gnusocial.demo.timelines import undone

SCHEMA = "http://activitystrea.ms/schema/1.0/"
PUBLIC = {"objectType": f"{SCHEMA}collection", "id": "http://activityschema.org/collection/public"}
_KNOWN_SOURCES = ("api", "activity", "ostatus", "web")

Values = dict[str, Any]


def collection(site: Site, title: str, notices: list[Notice], viewer: Profile | None, link: str) -> Values:
    """A timeline. `link`: its page for people."""
    items = [item(site, notice, viewer) for notice in notices if not undone(site, notice)]
    return {
        "generator": f"GNU social {site.settings.version}",
        "title": title,
        "totalItems": len(items),
        "items": items,
        "links": [{"url": link, "rel": "alternate", "type": "text/html"}],
    }


def item(site: Site, notice: Notice, viewer: Profile | None) -> Values:
    """One activity, keys in the recorded order."""
    found: Values = {
        "actor": _person(site, notice.author, info(site, notice.author, viewer)),
        "content": one_line(notice.html),
        "generator": _generator(site, notice),
        "id": notice.uri,
        "object": _object(site, notice),
        "to": [
            *({"objectType": f"{SCHEMA}person", "id": one.uri} for one in notice.mentions),
            *({"objectType": f"{SCHEMA}group", "id": one.uri} for one in notice.groups),
            PUBLIC,
        ],
        "status_net": _extras(site, notice, viewer),
        "published": f"{notice.created:%Y-%m-%dT%H:%M:%S}+00:00",
        "provider": {"objectType": "service", "displayName": site.settings.name, "url": f"{site.base}/"},
    }
    if notice.verb == "delete":
        found["target"] = {"id": notice.uri, "objectType": "note"}
    if (title := title_of(site, notice)) is not None:
        found["title"] = title
    return found | {"verb": notice.verb, "url": notice.url}


def title_of(site: Site, notice: Notice) -> str | None:
    """Of what is no post; None for posts, and for following somebody who isn't followed any more."""
    match notice.verb:
        case "share":
            assert notice.repeat_of is not None
            return f"{notice.author.nick} repeated a notice by {notice.repeat_of.author.nick}"
        case "favorite" | "delete":
            return notice.verb.capitalize()
        case "post":
            return None
    if followed_no_more(site, notice):
        return None
    who, host = notice.author, notice.author.url.split("/")[2]
    at = notice.created
    return f"{who.best_name} ({who.nick}@{host})'s status on {at:%A, %d-%b-%Y %H:%M:%S} UTC"


def followed_no_more(site: Site, notice: Notice) -> bool:
    """Or again, of which another notice tells."""
    if not isinstance(notice.about, Profile):
        return False
    bond = site.follows.get((notice.author.id, notice.about.id))
    return bond is None or bond.uri != notice.uri


def info(site: Site, who: Profile, viewer: Profile | None) -> dict[str, str]:
    """What the site says of an author to its reader."""
    found = {"local_id": str(who.id)}
    if viewer is not None:
        found |= {"following": _said(site.following(viewer, who)), "blocking": _said((viewer.id, who.id) in site.blocks)}
    return found


def notice_info(site: Site, notice: Notice, viewer: Profile | None) -> dict[str, str]:
    """What the site says of a notice to its reader."""
    found = {"local_id": str(notice.id), "source": notice.source}
    if viewer is not None:
        found["repeated"] = _said(repeat_by(site, viewer, notice) is not None)
    if notice.repeat_of is not None:
        found["repeat_of"] = str(notice.repeat_of.id)
    if viewer is not None:
        found["favorite"] = _said((viewer.id, notice.id) in site.faves)
    return found


def _extras(site: Site, notice: Notice, viewer: Profile | None) -> Values:
    found: Values = {"conversation": notice.conversation.uri}
    if not notice.conversation.url.startswith(f"{site.base}/"):
        found["conversation_url"] = notice.conversation.url
    return found | {"notice_info": notice_info(site, notice, viewer)}


def _object(site: Site, notice: Notice) -> Values:
    match notice.verb, notice.about:
        case "share", _:
            assert notice.repeat_of is not None
            return _note(notice.repeat_of)
        case "favorite", Notice() as liked:
            answered = {"objectType": "note", "id": liked.uri, "url": liked.url}
            return _note(liked) | {"inReplyTo": answered}  # so it stands there: the note answers itself
        case "delete", _:
            return {"id": notice.uri, "objectType": "note"}
        case _, Profile() as whom:
            return _unfollowed(notice) if followed_no_more(site, notice) else _person(site, whom, None)
        case _, Group() as group:
            return _group(site, group)
    found = _note(notice)
    if notice.reply_to is not None:
        found["inReplyTo"] = {"objectType": "note", "id": notice.reply_to.uri, "url": notice.reply_to.url}
    if notice.tags:
        hashtag = "http://activityschema.org/object/hashtag"
        found["tags"] = [{"objectType": hashtag, "displayName": tag} for tag in notice.tags]
    return found


def _note(notice: Notice) -> Values:
    return {
        "id": notice.uri,
        "objectType": notice.type,
        "content": notice.html,
        "url": notice.url,
        "status_net": {"notice_id": None},
    }


def _unfollowed(notice: Notice) -> Values:
    return {
        "id": notice.uri,
        "displayName": f"New person by {notice.author.nick}",
        "status_net": {"avatarLinks": [], "notice_id": None},
        "objectType": "person",
        "content": notice.html,
        "url": notice.url,
    }


def _person(site: Site, who: Profile, info: dict[str, str] | None) -> Values:
    links = [_picture(one) for one in faces(site, who)]
    found: Values = {
        "id": who.uri,
        "displayName": who.best_name,
        "status_net": {"avatarLinks": links} if info is None else {"avatarLinks": links, "profile_info": info},
        "image": links[0],
        "objectType": "person",
        "url": who.url,
    }
    if who.local:
        found["followers"] = {"url": f"{who.url}/subscribers"}
    return found | {"portablecontacts_net": _contact(who.nick, who.best_name, who.bio, who.location)}


def _group(site: Site, group: Group) -> Values:
    links = [_picture(one) for one in faces(site, None)]
    return {
        "id": group.uri,
        "displayName": group.fullname,
        "status_net": {"avatarLinks": links},
        "image": links[0],
        "objectType": "group",
        "url": group.uri,
        "portablecontacts_net": _contact(group.nick, group.fullname, group.description, group.location),
    }


def _contact(nick: str, name: str, note: str | None, location: str | None) -> Values:
    found: Values = {"preferredUsername": nick, "displayName": name}
    if note:
        found["note"] = note
    if location:
        found["addresses"] = {"formatted": location}
    return found


def _picture(face: Face) -> Values:
    return {"url": face.url, "rel": "avatar", "type": "image/png", "width": face.size, "height": face.size}


def _generator(site: Site, notice: Notice) -> Values:
    source = notice.source
    known = source in _KNOWN_SOURCES
    id = f"tag:status.net,2009:notice-source:{source}" if known else site.tag("notice-source", source, at=notice.created)
    return {"id": id, "objectType": "application", "status_net": {"source_code": source}}


def _said(yes: bool) -> str:
    return "true" if yes else "false"
