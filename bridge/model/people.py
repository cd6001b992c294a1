"""People and bots as networks know them."""

from msgspec import Struct

from bridge.model.ids import IdentityId


class Profile(Struct, frozen=True, kw_only=True):
    """What a network says about an identity. None means unknown, not empty."""

    name: str | None = None
    """The name shown to people, plain text, unescaped and untrusted."""
    avatar: str | None = None
    """A source address: an http(s) URL, or an mxc URI on the hub."""
    url: str | None = None
    """The profile's page for people; rel=me links are looked for there. An http(s) address."""


class Identity(Struct, frozen=True, kw_only=True):
    """A person or bot on a network."""

    id: IdentityId
    profile: Profile = Profile()
    bot: bool = False

    @property
    def name(self) -> str:
        """The best name there is; never empty."""
        return self.profile.name or self.id.id
