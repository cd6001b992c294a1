"""Bytes to stanzas, for every stream of ours."""

from collections.abc import Callable, Iterator
from typing import cast
from xml.etree.ElementTree import Element, ParseError

from slixmpp.xmlstream import XMLStream


def feed(stream: XMLStream, data: bytes | str, stanza: Callable[[Element], None]) -> str | None:
    """Hands each whole stanza in `data` on. Where the stream can't go on after it: why, in words."""
    parser = stream.parser
    if parser is None:
        return None
    try:
        parser.feed(data)
        for event, element in cast("Iterator[tuple[str, Element]]", parser.read_events()):
            if event == "start":
                if stream.xml_depth == 0:
                    stream.xml_root = element
                    stream.start_stream_handler(element)
                stream.xml_depth += 1
                continue
            stream.xml_depth -= 1
            if stream.xml_depth == 0:
                return "the server ended the stream"
            if stream.xml_depth == 1:
                stanza(element)
                if stream.xml_root is not None:
                    stream.xml_root.clear()
                if stream.parser is not parser:  # that stanza ended the stream, or began a new one
                    return None
    except ParseError:
        return "the server sent what is no XML"
    return None
