"""Reading XML of strangers: counted first, then parsed, nothing fetched."""

import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.common.atom import DEPTH_CAP, Unreadable, base_of, check, load, markup
from adapters.common.dates import moment
from adapters.common.media import absolute, attachment, host_of, number, site_of


@pytest.mark.parametrize(
    "body",
    [
        b"<a>" * 100_000,
        b"<a b='>'>" * 100_000,
        b"<a><!-- <" * 10_000 + b"--></a>" + b"<x>" * 1000,
        b"<a>" * (DEPTH_CAP + 1) + b"</a>" * (DEPTH_CAP + 1),
    ],
)
def test_depth_is_told_before_anything_is_parsed(body: bytes) -> None:
    with pytest.raises(Unreadable, match="deep"):
        check(body)


@pytest.mark.parametrize(
    "body",
    [
        b"<a>" * 100 + b"</a>" * 100,
        b"<r>" + b"<a><br><p>" * 1 + b"<i/>" * 1000 + b"</r>",
        b"<r>" + b"<item><b><i></item>" * 1000 + b"</r>",
        b"<r><![CDATA[" + b"<a>" * 1000 + b"]]></r>",
        b"<r><!--" + b"<a>" * 1000 + b"--></r>",
    ],
)
def test_what_is_wide_commented_or_sloppy_is_not_deep(body: bytes) -> None:
    check(body)


@pytest.mark.parametrize("piece", [b"<!--", b"<![CDATA[", b"<?", b"<", b"<a", b"</", b"</a>", b"<a></b>"])
def test_counting_takes_time_in_proportion_to_the_length(piece: bytes) -> None:
    started = time.perf_counter()
    with suppress(Unreadable):
        check(piece * (2_000_000 // len(piece)))
    assert time.perf_counter() - started < 5


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        load(body)
    except Unreadable:
        return


def test_bases_in_bases_add_up() -> None:
    root = load(b'<a xml:base="http://x.example/a/"><b xml:base="b/"><c/></b></a>')
    assert base_of(root[0][0], "http://else.example/") == "http://x.example/a/b/"


def test_xhtml_is_written_as_html() -> None:
    root = load(
        b'<a type="xhtml" xmlns="http://www.w3.org/2005/Atom"><div xmlns="http://www.w3.org/1999/xhtml">x <br/><b>y</b></div></a>'
    )
    assert markup(root) == ("x <br><b>y</b>", True)


@pytest.mark.parametrize(
    ("base", "address", "found"),
    [
        ("https://a.example/x/", "y", "https://a.example/x/y"),
        ("", "y", None),
        ("", "https://a.example", "https://a.example"),
        ("https://a.example/", "javascript:x", None),
        ("https://a.example/", "https://[::1", None),
        ("https://a.example/", "https://a.example:99999/", None),
        ("https://a.example/", "ht\ntps://b.example/", "https://b.example/"),
        ("https://a.example/", "file:///etc/passwd", None),
        ("https://a.example/", "x" * 5000, None),
        ("https://a.example/", None, None),
    ],
)
def test_addresses_are_of_the_web_or_none(base: str, address: str | None, found: str | None) -> None:
    assert absolute(base, address) == found


@given(st.text(max_size=30), st.text(max_size=30))
def test_no_address_breaks_anything(base: str, address: str) -> None:
    found = absolute(base, address)
    assert found is None or found.lower().startswith(("http://", "https://"))
    assert host_of(address) == "" or site_of(address).startswith((host_of(address), "["))
    assert attachment(address) is None or absolute("", address)


@pytest.mark.parametrize(
    ("url", "site"),
    [
        ("https://A.example:443/x", "a.example"),
        ("http://a.example:8080/", "a.example:8080"),
        ("http://[::1]:8080/", "[::1]:8080"),
        ("ftp://a.example/", ""),
        (None, ""),
    ],
)
def test_a_site_is_host_and_port(url: str | None, site: str) -> None:
    assert site_of(url) == site


@pytest.mark.parametrize(
    ("written", "count"),
    [("640", 640), ("640px", 640), (5, 5), ("1.5", 1), ("x", None), ("-1", None), (True, None), ("9" * 30, None)],
)
def test_counts_as_documents_write_them(written: object, count: int | None) -> None:
    assert number(written) == count


@given(st.text(max_size=40))
def test_a_date_is_aware_or_none(written: str) -> None:
    found = moment(written)
    assert found is None or found.utcoffset() is not None


@pytest.mark.parametrize(
    ("written", "iso"),
    [
        ("2026-11-23T09:00:00+09:00", "2026-11-23T00:00:00+00:00"),
        ("2026-11-23T09:00:00", "2026-11-23T09:00:00+00:00"),
        ("2026-11-23", "2026-11-23T00:00:00+00:00"),
        ("Mon, 23 Nov 2026 09:00:00 -0500", "2026-11-23T14:00:00+00:00"),
        ("Mon, 23 Nov 2026 09:00:00", "2026-11-23T09:00:00+00:00"),
    ],
)
def test_a_date_without_a_zone_is_utc(written: str, iso: str) -> None:
    found = moment(written)
    assert found is not None
    assert found.isoformat() == iso


@pytest.mark.parametrize(
    "written", ["", "now", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-02-30", None, 5, "1" * 200]
)
def test_what_is_no_date_is_none(written: object) -> None:
    assert moment(written) is None
