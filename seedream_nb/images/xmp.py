"""Stores provenance in XMP, which photo software reads first.

XMP is only written, never read: parsing foreign XML is not worth the risk, and provenance is read from JSON.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from seedream_nb.images.provenance import Provenance

NAMESPACES = {
    "dc": "http://purl.org/dc/elements/1.1/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "seedream": "urn:seedream-nb:origin:1/",
}
_END = b"</rdf:RDF>"
_NEW = (
    # The id is the same in every packet (XMP specification, part 1, section 7.3.2).
    b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/">\n<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">\n'
    b'</rdf:RDF>\n</x:xmpmeta>\n<?xpacket end="w"?>'
)
_NOT_IN_XML = dict.fromkeys((0xFFFE, 0xFFFF), "\N{REPLACEMENT CHARACTER}")  # XML 1.0, section 2.2


def add_to_xmp(packet: bytes | None, provenance: Provenance) -> bytes:
    """Stores provenance in an XMP packet.

    Args:
        packet: The packet of the image; None for none.
        provenance: The provenance; its text has no control characters.

    Returns:
        The packet with the properties that it lacks, otherwise unchanged. A packet without a place for them stays as it
        is.
    """
    packet = _NEW if packet is None else packet
    before, end, after = packet.rpartition(_END)
    properties = {
        "dc:description": _format_alternatives(provenance.prompt),
        "xmp:CreateDate": escape(provenance.created_at),
        "xmp:CreatorTool": _escape(provenance.model),
        "seedream:taskId": _escape(provenance.task_id),
        "seedream:size": _escape(provenance.size),
        "seedream:seed": "" if provenance.seed is None else str(provenance.seed),
    }
    # A property may occur only once, whoever wrote it.
    missing = [f"<{name}>{text}</{name}>" for name, text in properties.items() if text and name.encode() not in before]
    if not end or not missing:
        return packet
    declared = "".join(f' xmlns:{prefix}="{name}"' for prefix, name in NAMESPACES.items())
    description = "\n".join([f'<rdf:Description rdf:about=""{declared}>', *missing, "</rdf:Description>\n"])
    return before + description.encode() + end + after


def _escape(text: str) -> str:
    return escape(text.translate(_NOT_IN_XML))


def _format_alternatives(text: str) -> str:
    """A text in the form for several languages, here without one."""
    return f'<rdf:Alt><rdf:li xml:lang="x-default">{_escape(text)}</rdf:li></rdf:Alt>' if text else ""
