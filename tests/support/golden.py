"""The golden messages of `tests/golden`.

`python -m tests.support.golden` writes them anew; read the difference before you keep it.
"""

from dataclasses import replace
from pathlib import Path

from responder.services.samples import SAMPLES
from tests.support.answers import make_renderer

FOLDER = Path(__file__).resolve().parent.parent / "golden"
WITH_GUIDES = {"dynamic"}


def golden_messages() -> dict[str, bytes]:
    """Give every golden message by its name, with `\\n` line ends; only some carry the guides."""
    renderer = make_renderer()
    letters = {name: letter if name in WITH_GUIDES else replace(letter, guides=()) for name, letter in SAMPLES.items()}
    messages = {name: renderer.render(letter).content for name, letter in letters.items()}
    messages["text-only"] = make_renderer(html=False).render(letters["bare"]).content
    return {f"{name}.eml": content.replace(b"\r\n", b"\n") for name, content in messages.items()}


def write() -> None:
    for old in FOLDER.glob("*.eml"):
        old.unlink()
    for name, content in golden_messages().items():
        (FOLDER / name).write_bytes(content)


if __name__ == "__main__":
    write()
