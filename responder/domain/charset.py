"""Octets and encoded words to text, by an allow-list of character sets; never raises.

The name of a character set is never handed to `bytes.decode` as it came: Python also knows codecs that decompress
or raise.
"""

import binascii
import re
from codecs import BOM_UTF8

_CODECS = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "utf-7": "utf-7",
    "unicode-1-1-utf-7": "utf-7",  # what Exchange 2000 and 2003 declare in their reports
    "iso-8859-1": "cp1252",
    "latin1": "cp1252",
    "iso-2022-jp": "iso2022_jp_2",
    "shift-jis": "cp932",
    "x-sjis": "cp932",
    "windows-31j": "cp932",
    "euc-jp": "euc_jp",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "gb18030": "gb18030",
    "big5": "big5hkscs",
    "big5-hkscs": "big5hkscs",
    "euc-kr": "cp949",
    "ks-c-5601-1987": "cp949",
    "iso-2022-kr": "iso2022_kr",
    "koi8-r": "koi8_r",
    "koi8-u": "koi8_u",
    "tis-620": "cp874",
    "windows-874": "cp874",
    "ibm437": "cp437",
    "ibm850": "cp850",
    "ibm852": "cp852",
    "ibm866": "cp866",
    "macintosh": "mac_roman",
    **{f"iso-8859-{number}": f"iso8859_{number}" for number in range(2, 17) if number != 12},  # noqa: PLR2004
    **{f"windows-{number}": f"cp{number}" for number in range(1250, 1259)},
    **{f"cp{number}": f"cp{number}" for number in (437, 850, 852, 866, *range(1250, 1259))},
}
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_BREAKS = "\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff"
# What turns text round, or is not seen in it, so that it reads otherwise than it is: the bidirectional controls and the
# other Default_Ignorable_Code_Points of Unicode, save the variation selectors of emoji.
_HIDDEN = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_ASCII_CONTROLS = bytes((*range(0x09), *range(0x0B, 0x20), 0x7F))
_FORMAT = re.compile(f"[{_HIDDEN}]")
_UNREADABLE = re.compile(f"[{_BREAKS}{_HIDDEN}]")
_UNSAFE = re.compile(f"[\t\n{_BREAKS}\u2028\u2029]+")
_SPACES = re.compile("[\u00a0\u2000-\u200a\u202f\u205f\u3000]")
_LINES = re.compile("[\r\u2028\u2029\u0085]")
_WORD = re.compile(r"=\?([\w.:+-]{1,40})(?:\*[\w-]{0,20})?\?([bBqQ])\?([^?]*)\?=(?:\s+(?==\?))?", re.ASCII)
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]+")


def decode_text(octets: bytes, charset: str = "") -> str:
    """Give `octets` as text, in the declared `charset` where that is a known one, else as UTF-8 or Latin-1."""
    if octets.startswith(_UTF16_MARKS):
        return octets.decode("utf-16", "replace")
    codec = _CODECS.get(charset.lower().replace("_", "-"))
    if codec is None:
        try:
            return octets.removeprefix(BOM_UTF8).decode()
        except UnicodeDecodeError:
            return octets.decode("cp1252", "replace")
    if codec == "utf-8":
        octets = octets.removeprefix(BOM_UTF8)
    return octets.decode(codec, "replace")


def readable(text: str) -> str:
    r"""Give `text` as a reader sees it: `\n` line ends, plain spaces, nothing invisible, no control but tab."""
    text = text.replace("\r\n", "\n")
    if text.isascii():  # by way of octets, which lose characters several times as fast as a text does
        return text.replace("\r", "\n").encode().translate(None, _ASCII_CONTROLS).decode()
    return _UNREADABLE.sub("", _SPACES.sub(" ", _LINES.sub("\n", text)))


def one_line(text: str, limit: int) -> str:
    """Give `text` on one line of at most `limit` characters: no control or format characters, no line breaks."""
    text = text[: 2 * limit]
    if not text.isprintable():
        text = _UNSAFE.sub(" ", text)
    return (text if text.isascii() else _FORMAT.sub("", text)).strip()[:limit].rstrip()


def decode_base64(octets: bytes) -> bytes:
    """Give what `octets` encode (RFC 2045 section 6.8); foreign octets and a cut end are passed over."""
    clean = _NOT_BASE64.sub(b"", octets)
    rest = len(clean) % 4
    if rest == 1:
        clean, rest = clean[:-1], 0
    return binascii.a2b_base64(clean + b"=" * (-rest % 4))


def decode_words(value: str) -> str:
    """Give a header value with its encoded words decoded (RFC 2047), as they stand where they are none."""
    if "=?" not in value:
        return value
    pieces: list[str] = []
    pending, charset, end = b"", "", 0
    for word in _WORD.finditer(value):
        name = word[1].lower()
        if pending and (word.start() != end or name != charset):
            pieces.append(decode_text(pending, charset))
            pending = b""
        pieces.append(value[end : word.start()])
        pending, charset, end = pending + _octets(word[2], word[3]), name, word.end()
    pieces += (decode_text(pending, charset), value[end:])
    return "".join(pieces)


def _octets(encoding: str, text: str) -> bytes:
    octets = text.encode("utf-8", "replace")
    return decode_base64(octets) if encoding in "bB" else binascii.a2b_qp(octets, header=True)
