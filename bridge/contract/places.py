"""What an adapter may ask of the rooms: to be linked to one, on somebody's behalf."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from msgspec import Struct

from bridge.contract.words import Asker
from bridge.model.ids import ChannelId, IdentityId
from bridge.model.people import Identity, Profile


class Finding(Struct, frozen=True, kw_only=True):
    """A channel that answers a search. `summary` is one plain line about it."""

    channel: ChannelId
    title: str
    summary: str = ""
    of_list: bool = False
    """One of a list that was asked for as a whole (OPML): all of it is followed, not the best of it."""


@runtime_checkable
class Searches(Protocol):
    async def search(self, words: str) -> Sequence[Finding]:
        """What can be followed under these words: an address of a page or feed, user@host, a list of feeds (OPML). Best first.

        Empty where the words mean nothing here, so that another network may be asked. Raises `OSError` with plain words where
        they do, but nobody answered or there is nothing to follow. Within 30 s.
        """
        ...


class Linking(Protocol):
    """The links of one network."""

    def linked(self) -> Sequence[ChannelId]: ...

    def is_linked(self, channel: ChannelId) -> bool:
        """Whether `linked` has it, for asking at each message."""
        ...

    async def followed(self, asker: Asker) -> Sequence[ChannelId]:
        """What comes into the timeline the word was said in, else into every timeline that is the asker's to see."""
        ...

    async def follow(self, asker: Asker, channels: Sequence[ChannelId]) -> str:
        """Links channels to the room the word was said in where that is a timeline, else to the asker's timeline; says so.

        Rights are checked as for the word `follow`. Channels linked there already are left as they are.
        """
        ...

    async def direct(self, channel: ChannelId, *, login: str | None = None, peer: Identity, group: bool = False) -> None:
        """Makes sure that a direct chat has a room: invite-only, its owner invited, the peer's puppet in it.

        The owner is the login's, or without one who `Manifest.owner_of` says. Called before the first event of such a channel is
        handed in. Raises `Unavailable` where the homeserver can't be reached: hand the event in later; `Rejected` where the owner
        is nobody, or may not use the bridge. `group`: many speak there, and the peer is the place itself, whose name it has.
        """
        ...

    async def part(self, channel: ChannelId) -> None:
        """A channel that `direct` made a room for is linked with nothing any more; the room stays. Raises `LedgerUnavailable`."""
        ...

    async def profile(self, who: IdentityId) -> Profile | None:
        """What may be shown of somebody who speaks on this network as a presence of their own: a Matrix user, who is asked for
        at the homeserver, or somebody of another network, as they were last seen. None: nobody, or nobody who may.

        Raises `Unavailable` where that can't be told now.
        """
        ...
