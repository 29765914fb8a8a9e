"""The texts of a message in which its sender speaks, parted once for all who look for the person's words in them."""

from dataclasses import dataclass

from responder.domain.message import InboundMessage, PartKind
from responder.domain.quotation import own_words

_CHARACTERS = 32 * 1024


@dataclass(frozen=True, slots=True)
class OwnText:
    """One text of the message itself, not of one inside it.

    Attributes:
        text: the whole text.
        words: what the person wrote in its first 32 Ki characters.
    """

    text: str
    words: str

    def words_of_first(self, characters: int) -> str:
        """Give what the person wrote in the first `characters` of the text."""
        return self.words if len(self.text) <= characters else own_words(self.text[:characters])


def find_own_texts(message: InboundMessage) -> list[OwnText]:
    """Give the plain texts of `message` itself, those in HTML where it has no plain one."""
    own = [part for part in message.parts if part.depth == 0 and part.content_type.startswith("text/")]
    texts = [part.text for part in own if part.kind is PartKind.TEXT] or [
        part.text for part in own if part.kind is PartKind.HTML
    ]
    return [OwnText(text, own_words(text[:_CHARACTERS])) for text in texts]
