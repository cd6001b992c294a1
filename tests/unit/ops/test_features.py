"""What is lost between two places, and the page that says so."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from bridge.config.adapters_found import found
from bridge.contract.features import Evidence, Feature, Features, Level, Limits, Manifest, Unit, VoiceKind
from bridge.ops.features import Losses, losses, page
from bridge.routing.hub import HUB_FEATURES

TOP = Path(__file__).parents[3]
POOR = Features(
    levels={Feature.TEXT: Level.NATIVE, Feature.EDIT: Level.RENDERED, Feature.POLL: Level.REFUSED},
    limits=Limits(text=400, unit=Unit.BYTES, lines=1),
    voice=VoiceKind.PREFIX,
    evidence=Evidence.FENCED,
)


def test_what_a_poor_place_loses_of_a_rich_one() -> None:
    lost = losses(HUB_FEATURES, POOR)
    assert lost.rendered == (Feature.EDIT,)
    assert lost.refused == (Feature.POLL,)
    assert Feature.REACTIONS in lost.dropped
    assert Feature.TEXT not in (*lost.rendered, *lost.dropped, *lost.refused)


def test_a_rich_place_loses_nothing_of_a_poor_one() -> None:
    assert losses(POOR, HUB_FEATURES) == Losses()


LEVELS = st.dictionaries(st.sampled_from(list(Feature)), st.sampled_from(list(Level)))


@given(LEVELS, LEVELS)
def test_each_thing_said_is_kept_or_lost_in_one_way_only(said: dict[Feature, Level], can: dict[Feature, Level]) -> None:
    source, destination = Features(levels=said), Features(levels=can)
    lost = losses(source, destination)
    all_lost = [*lost.rendered, *lost.dropped, *lost.refused]
    assert len(set(all_lost)) == len(all_lost)
    kept = {feature for feature in Feature if destination.level(feature) is Level.NATIVE}
    native = {feature for feature in Feature if source.level(feature) is Level.NATIVE}
    assert native == set(all_lost) | (native & kept)


def test_the_page_has_a_row_for_each_feature_and_a_column_for_each_network() -> None:
    text = page([Manifest(protocol="poor", title="Poor|one", config=object, features=POOR, losses=("No pictures.",))])
    assert "|  | Matrix | Poor\\|one |" in text
    assert "| edit | ● | ◐ |" in text
    assert "| poll | ● | ✗ |" in text
    assert "| reactions | ● | · |" in text
    assert "400 bytes, 1 line |" in text
    assert "## What Poor|one cannot carry\n\n- No pictures.\n" in text


def test_the_page_of_features_is_current() -> None:
    adapters = found()
    made = page([adapters[name] for name in adapters])
    assert (TOP / "docs" / "features.md").read_text() == made, "run `make docs`"
