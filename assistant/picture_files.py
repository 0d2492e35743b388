"""Pictures that users of the terminal show: files, checked first; `liushui chat` reads them at once."""

from __future__ import annotations

from pathlib import Path

from assistant.errors import PictureUnread
from assistant.image_reading import RapidOcr, TextFinder, read_picture
from assistant.picture_reader import not_installed
from assistant.pictures import ReadPicture
from llm.engine import Chat, Message
from transport.errors import RejectedEventError
from transport.pictures import MAX_PICTURE_BYTES, Picture, checked


def picture_in(path: Path) -> Picture:
    """Return the picture in a file. Raises OSError, and PictureUnread for what may not be one."""
    if (size := path.stat().st_size) > MAX_PICTURE_BYTES:
        raise PictureUnread(f"{path}: has {size} bytes: show one of {MAX_PICTURE_BYTES} at most")
    data = path.read_bytes()
    try:
        return Picture(data, checked(data))
    except RejectedEventError as error:
        raise PictureUnread(f"{path}: {error}") from error


class PictureFiles:
    """Shows pictures to a chat; what finds their text is loaded with the first one."""

    def __init__(self) -> None:
        self._finder: TextFinder | None = None

    def __call__(self, chat: Chat, path: Path) -> None:
        """Read a file, print what stands in it, and let it join the dialogue; print what is wrong with it."""
        try:
            picture = self._read(path)
        except (OSError, PictureUnread) as error:
            print(error)
            return
        for line in picture.lines:
            print(f"  {line.text}{' (?)' if line.uncertain else ''}")
        chat.add(Message("user", picture.told()))

    def _read(self, path: Path) -> ReadPicture:
        picture = picture_in(path)
        if self._finder is None:
            try:
                self._finder = RapidOcr()
            except ModuleNotFoundError as error:
                raise not_installed(error) from error
        try:
            return read_picture(picture.data, picture.header, self._finder)
        except PictureUnread as error:
            raise PictureUnread(f"{path}: {error}") from error
