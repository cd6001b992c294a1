"""claim, unclaim, claims: whose words of another network appear as a Matrix user's own (double puppeting).

Whoever claims an identity can be impersonated through it by anybody who gets hold of it over there. No network that knows nicks
alone can prove who somebody is, so it is the operator who vouches for both sides.
"""

from bridge.commands.line import Arguments
from bridge.commands.linking import one
from bridge.commands.office import Office, Refused
from bridge.contract.words import Answer, Argument, Asker, Word
from bridge.model.ids import HUB, IdentityId, NetworkName
from bridge.model.permissions import Permission

_IDENTITY = Argument(name="identity", summary='"network/identity", as `trace` shows an author')


def people_words(office: Office) -> tuple[Word, ...]:
    return (_claim(office), _unclaim(office), _claims(office))


def _claim(office: Office) -> Word:
    async def run(asker: Asker, arguments: Arguments) -> Answer:
        identity, user = _identity(office, arguments), one(arguments, "person")
        if not (user.startswith("@") and ":" in user):
            raise Refused(f"{user} is no Matrix user id.")
        await office.claim(identity, user)
        return Answer(text=f"What {identity} says appears as {user} where {user} is in the room.")

    return Word(
        name="claim",
        summary="what an identity says over there appears as a Matrix user's own words",
        run=run,
        arguments=(_IDENTITY, Argument(name="person", summary="a user id of this homeserver")),
        permission=Permission.ADMIN,
    )


def _unclaim(office: Office) -> Word:
    async def run(asker: Asker, arguments: Arguments) -> Answer:
        identity = _identity(office, arguments)
        if str(identity) not in await office.claims():
            raise Refused(f"Nobody claims {identity}.")
        await office.claim(identity, "")
        return Answer(text=f"{identity} has a puppet of its own again.")

    return Word(
        name="unclaim",
        summary="takes a claim back",
        run=run,
        arguments=(_IDENTITY,),
        permission=Permission.ADMIN,
    )


def _claims(office: Office) -> Word:
    async def run(asker: Asker, arguments: Arguments) -> Answer:
        claims = await office.claims()
        rows = tuple(sorted(claims.items()))
        return Answer(text="" if rows else "No claims.", columns=("identity", "appears as"), rows=rows, data=claims)

    return Word(name="claims", summary="who appears as whom", run=run, permission=Permission.ADMIN)


def _identity(office: Office, arguments: Arguments) -> IdentityId:
    network, slash, id = one(arguments, "identity").partition("/")
    if not (slash and id) or network == HUB or all(state.network != network for state in office.networks()):
        raise Refused('An identity is written "network/identity", like local/alice, of a configured network.')
    return IdentityId(NetworkName(network), id)
