"""What hypothesis draws for the pure half."""

from hypothesis import strategies as st

from adapters.irc.formatting import HIDDEN, PALETTE, Run, Style, joined

COLOURS = st.sampled_from([None, *dict.fromkeys(PALETTE)])
STYLES = st.builds(Style, st.integers(0, 31), COLOURS, COLOURS).map(
    lambda style: style._replace(fg=HIDDEN.fg, bg=HIDDEN.bg) if style.hidden else style
)
WORDS = st.text("aB1,9ü漢👩‍🚀<&>\" '", min_size=1, max_size=12)
LINES = st.lists(st.builds(Run, WORDS, STYLES), min_size=1, max_size=6).map(joined)
