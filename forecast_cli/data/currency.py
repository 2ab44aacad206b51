"""Numbers as Nasdaq.com and spreadsheets write them: `$1,234.50` and `"1,000"`."""

import re
from typing import Final

_SIGN: Final = rb"[ ]*([+-]?)(?:\$|\xe2\x82\xac|\xc2\xa3|\xc2\xa5)?"
"""With a dollar, euro, pound or yen sign, in UTF-8."""
_CELL: Final = re.compile(
    rb"(?<![^,\r\n])(?:"
    rb'"' + _SIGN + rb'(\d{1,3}(?:,\d{3})+(?:\.\d*)?|\d+\.?\d*|\.\d+)[ ]*"'
    rb"|" + _SIGN + rb"(\d+\.?\d*|\.\d+)[ ]*"
    rb")(?![^,\r\n])"
)


def without_currency(content: bytes) -> bytes:
    """CSV text whose cells are plain numbers, without currency signs or thousands separators.

    Only whole cells change, and lines stay where they are. Commas between thousands count inside
    quotes only: elsewhere they part cells.
    """

    def plain(match: re.Match[bytes]) -> bytes:
        return b"".join(part or b"" for part in match.groups()).replace(b",", b"")

    return _CELL.sub(plain, content)
