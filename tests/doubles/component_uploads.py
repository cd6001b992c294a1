"""The host above a component, and its upload service (XEP-0363) where there is one."""

from xml.etree.ElementTree import Element, SubElement

ABOVE, UPLOAD = "example.org", "upload.example.org"
_INFO, _ITEMS = "{http://jabber.org/protocol/disco#info}", "{http://jabber.org/protocol/disco#items}"
_SPACE = "urn:xmpp:http:upload:0"
_ERRORS = "{urn:ietf:params:xml:ns:xmpp-stanzas}"


class UploadService:
    """`refuses`: the error's condition that everybody gets, and its type; `asked`: who wanted a place, and for which file."""

    def __init__(self, limit: int | None = None) -> None:
        self.limit = limit
        self.refuses: tuple[str, str] | None = None
        self.asked: list[tuple[str, str]] = []


def answered(iq: Element, uploads: UploadService | None) -> Element:
    """What the host, or its service, answers."""
    answer = Element(iq.tag, {"type": "result", "id": iq.get("id", ""), "from": iq.get("to", ""), "to": iq.get("from", "")})
    query = iq[0]
    if query.tag == f"{_ITEMS}query":
        items = SubElement(answer, f"{_ITEMS}query")
        if uploads is not None and iq.get("to") == ABOVE:
            SubElement(items, f"{_ITEMS}item", {"jid": UPLOAD})
    elif query.tag == f"{_INFO}query":
        info = SubElement(answer, f"{_INFO}query")
        if uploads is not None and iq.get("to") == UPLOAD:
            SubElement(info, f"{_INFO}feature", {"var": _SPACE})
            _limit(info, uploads)
    elif query.tag == f"{{{_SPACE}}}request" and uploads is not None:
        uploads.asked.append((iq.get("from", ""), query.get("filename", "")))
        if uploads.refuses is None:
            slot, name = SubElement(answer, f"{{{_SPACE}}}slot"), query.get("filename", "")
            SubElement(slot, f"{{{_SPACE}}}put", {"url": f"https://{UPLOAD}/put/{name}"})
            SubElement(slot, f"{{{_SPACE}}}get", {"url": f"https://{UPLOAD}/get/{name}"})
        else:
            condition, kind = uploads.refuses
            answer.set("type", "error")
            SubElement(SubElement(answer, f"{iq.tag[:-2]}error", {"type": kind}), f"{_ERRORS}{condition}")
    return answer


def _limit(info: Element, uploads: UploadService) -> None:
    if uploads.limit is not None:
        form = SubElement(info, "{jabber:x:data}x", {"type": "result"})
        field = SubElement(form, "{jabber:x:data}field", {"var": "max-file-size"})
        SubElement(field, "{jabber:x:data}value").text = str(uploads.limit)
