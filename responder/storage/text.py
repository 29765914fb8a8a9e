"""Text as every database can keep it."""


def storable(text: str, longest: int) -> str:
    """Give `text` without NUL (PostgreSQL refuses it) and lone surrogates (nothing can encode them), cut at `longest`.

    The cut also keeps keys within what an index of PostgreSQL takes, 2,700 octets.
    """
    text = text[:longest]
    if text.isascii():
        return text.replace("\0", "\N{REPLACEMENT CHARACTER}") if "\0" in text else text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}")
