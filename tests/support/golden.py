"""The golden messages of `tests/golden`.

In English whole messages; in other languages, and of guides and deny reasons, the text part alone.
`python -m tests.support.golden` writes them anew; read the difference before you keep it.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from responder.services.rendering import Renderer
from responder.services.samples import SAMPLES
from responder.services.templates.library import Library
from tests.support.answers import make_renderer, parts

FOLDER = Path(__file__).resolve().parent.parent / "golden"
WITH_GUIDES = {"dynamic"}
LETTERS = {name: letter if name in WITH_GUIDES else replace(letter, guides=()) for name, letter in SAMPLES.items()}


def golden_messages() -> dict[str, bytes]:
    """Give every golden file by its path, with `\\n` line ends; only some messages carry the guides."""
    renderer, library = make_renderer(), Library()
    messages = {f"{name}.eml": renderer.render(letter).content for name, letter in LETTERS.items()}
    messages["text-only.eml"] = make_renderer(html=False).render(LETTERS["bare"]).content
    messages |= _translations(renderer, library)
    messages |= {
        f"{part.locale}/{part.name}.txt": renderer.page(part, SAMPLES["dynamic"]).text.encode()
        for part in library.templates
        if part.is_part
    }
    return {name: content.replace(b"\r\n", b"\n") for name, content in messages.items()}


def _translations(renderer: Renderer, library: Library) -> Iterator[tuple[str, bytes]]:
    for locale in set(library.locales) - {"en"}:
        for name, letter in LETTERS.items():
            if name not in WITH_GUIDES:
                content = renderer.render(replace(letter, locale=locale)).content
                yield f"{locale}/{name}.txt", parts(content)["plain"].encode()


def write() -> None:
    for old in FOLDER.rglob("*.*"):
        old.unlink()
    for name, content in golden_messages().items():
        (FOLDER / name).parent.mkdir(parents=True, exist_ok=True)
        (FOLDER / name).write_bytes(content)


if __name__ == "__main__":
    write()
