"""Slaps that go out: what is in them, and how they are sealed (Salmon; adapters.common.salmon opens them)."""

from base64 import urlsafe_b64encode

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256

from adapters.gnusocial.demo.render.activity import SCHEMA
from adapters.gnusocial.demo.render.atom import ATOM, ENTRY, entry, note, person, said, stamp
from adapters.gnusocial.demo.render.xml import DECLARATION, Page
from adapters.gnusocial.demo.state import Site
from adapters.gnusocial.demo.things import Followed, Notice, Unfavoured, Unfollowed

MEDIA_TYPE = "application/magic-envelope+xml"
_NAMES = "http://salmon-protocol.org/ns/magic-env"
_OSTATUS_VERBS = "http://ostatus.org/schema/1.0/"


def seal(content: bytes, key: RSAPrivateKey) -> bytes:
    """RSA-SHA256 over the padded form, as GNU social does it, down to a blank in the first line."""
    content = content.replace(DECLARATION.encode(), b'<?xml version="1.0" encoding="UTF-8" ?>', 1)
    data = urlsafe_b64encode(content).decode()
    facts = (urlsafe_b64encode(fact).decode() for fact in (ATOM.encode(), b"base64url", b"RSA-SHA256"))
    signature = key.sign(".".join((data, *facts)).encode(), PKCS1v15(), SHA256())
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<me:env xmlns:me="{_NAMES}"><me:data type="{ATOM}">{data}</me:data><me:encoding>base64url</me:encoding>'
        f"<me:alg>RSA-SHA256</me:alg><me:sig>{urlsafe_b64encode(signature).decode()}</me:sig></me:env>"
    ).encode()


def posted(site: Site, notice: Notice) -> bytes:
    """A post of somebody of this site that means somebody elsewhere."""
    return entry(site, notice, None)


def followed(site: Site, what: Followed | Unfollowed) -> bytes:
    """Somebody of this site follows somebody elsewhere, or no longer does."""
    page, who, whom = Page(), what.who, what.whom
    app = f"{site.base}/api/statusnet/app/subscriptions/{who.id}/{whom.id}.atom"
    with page.inside("entry", ENTRY):
        if isinstance(what, Followed):
            page.leaf("id", what.uri)
            page.leaf("title", "Follow")
            page.leaf("content", f"{who.best_name} is now following {whom.best_name}.", {"type": "html"})
            said(page, "follow", what.at)
        else:
            page.leaf("id", site.tag("unfollow", who.id, whom.id, stamp(what.at)))
            page.leaf("title", "Unfollow")
            page.leaf("content", f"{who.best_name} stopped following {whom.best_name}.", {"type": "html"})
            page.leaf("activity:verb", f"{_OSTATUS_VERBS}unfollow")
            page.leaf("published", stamp(what.at))
            page.leaf("updated", stamp(what.at))
        with page.inside("author"):
            person(page, site, who, None)
        with page.inside("activity:object"):
            person(page, site, whom, None, named=False)
        if isinstance(what, Followed):
            _selves(page, app)
    return page.done()


def favoured(site: Site, notice: Notice) -> bytes:
    """`notice` tells of a favourite of somebody of this site."""
    assert isinstance(notice.about, Notice)
    page, liked = Page(), notice.about
    with page.inside("entry", ENTRY):
        page.leaf("id", notice.uri)
        page.leaf("title", "Favor")
        page.leaf("content", notice.html, {"type": "html"})
        said(page, "favorite", notice.created)
        with page.inside("author"):
            person(page, site, notice.author, None)
        with page.inside("activity:object"):
            note(page, liked)
        page.leaf("thr:in-reply-to", None, {"ref": liked.uri})
        with page.inside("activity:target"):
            note(page, liked)
        _selves(page, f"{site.base}/api/statusnet/app/favorites/{notice.author.id}/{liked.id}.atom")
    return page.done()


def unfavoured(site: Site, what: Unfavoured) -> bytes:
    """Which the same version refuses."""
    page, who, liked = Page(), what.who, what.notice
    with page.inside("entry", ENTRY):
        page.leaf("id", site.tag("disfavor", who.id, liked.id, "1970-01-01T00:00:00+00:00"))
        page.leaf("title", "Unlike")
        page.leaf("content", f"{who.best_name} no longer likes {liked.url}.", {"type": "html"})
        page.leaf("activity:verb", f"{SCHEMA}unfavorite")
        page.leaf("published", stamp(what.at))
        page.leaf("updated", stamp(what.at))
        with page.inside("author"):
            person(page, site, who, None)
        with page.inside("activity:object"):
            note(page, liked)
    return page.done()


def _selves(page: Page, address: str) -> None:
    for rel in ("self", "edit"):
        page.void("link", {"rel": rel, "type": ATOM, "href": address})
