"""Lower case in which every character keeps its place, so that what is found in it is found in the text itself."""


def lower_case(text: str) -> str:
    """Give `text` in lower case and as long as it was: the one capital that would become two characters is an `i`."""
    return text.replace("\u0130", "i").lower()
