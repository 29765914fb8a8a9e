"""Files of a folder of templates, read with a bound: whatever lies there neither hangs us nor fills the memory."""

import errno
import os
import stat
from pathlib import Path

from responder.services.templates.file import MAX_SOURCE_CHARACTERS, TemplateError

# A mark and as many line ends of two characters as there may be characters; what is longer than this stays too long
# when these are taken out.
_MOST_CHARACTERS = 2 * MAX_SOURCE_CHARACTERS + 2


def read_source(path: Path, *, may_be_link: bool) -> str:
    r"""Give the text of a template's file without a byte order mark, its line ends all `\n`.

    One that is too long for any template comes cut, and is still too long for `parse_template`.

    Raises:
        TemplateError: as `read_file`.
    """
    text = read_file(path, _MOST_CHARACTERS, may_be_link=may_be_link)
    return text.removeprefix("\ufeff").replace("\r\n", "\n")


def read_file(path: Path, most: int, *, may_be_link: bool) -> str:
    """Give the text of a regular file as it is, cut after `most` characters.

    Raises:
        TemplateError: it is none or no UTF-8, cannot be read, or is a link and may not be one.
    """

    def open_it(name: str, flags: int) -> int:
        # A pipe into which nobody writes would keep us waiting, and a terminal would become ours.
        flags |= os.O_NONBLOCK | os.O_NOCTTY
        return os.open(name, flags if may_be_link else flags | os.O_NOFOLLOW)

    try:
        with open(path, encoding="utf-8", newline="", opener=open_it) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise TemplateError("is no regular file")
            return file.read(most)
    except UnicodeDecodeError:
        raise TemplateError("is not UTF-8") from None
    except OSError as error:
        if error.errno == errno.ELOOP and not may_be_link:
            raise TemplateError("is a link; put the file itself there") from None
        raise TemplateError(f"cannot be read: {error.strerror}") from None
