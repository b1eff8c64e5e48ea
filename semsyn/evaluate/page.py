"""One HTML page that holds everything it shows: no script, no other file, nothing from the network."""

import base64
import io
from collections.abc import Sequence
from html import escape

from PIL import Image

from semsyn.errors import printable

STYLE = """
body { font: 15px/1.5 sans-serif; max-width: 1100px; margin: 2em auto; padding: 0 1em; color: #222; }
table { border-collapse: collapse; margin: 1em 0; } th, td { padding: .25em .8em; border-bottom: 1px solid #ccc; }
th { text-align: left; } td.number { text-align: right; font-variant-numeric: tabular-nums; }
figure { margin: 1em 0; } figcaption { color: #555; } img { max-width: 100%; image-rendering: auto; }
.row { display: flex; gap: 6px; align-items: end; flex-wrap: wrap; } .row figure { margin: .3em 0; }
details { margin: .4em 0; } code { font-size: 90%; overflow-wrap: anywhere; }
"""


class Page:
    """A page that grows from top to bottom. Whatever is written to it is text: what looks like HTML stays text.

    Args:
        title: of the page.
    """

    def __init__(self, title: str) -> None:
        self.title = title
        self._parts: list[str] = []

    def heading(self, text: str, level: int = 2) -> None:
        """A heading; 1 is the page's own."""
        self._parts.append(f"<h{level}>{_text(text)}</h{level}>")

    def paragraph(self, text: str) -> None:
        """A paragraph."""
        self._parts.append(f"<p>{_text(text)}</p>")

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str | float | int]]) -> None:
        """A table; numbers stand at the right."""
        lines = ["<tr>" + "".join(f"<th>{_text(cell)}</th>" for cell in head) + "</tr>"]
        for row in rows:
            cells = (
                f"<td>{_text(cell)}</td>" if isinstance(cell, str) else f'<td class="number">{cell:.6g}</td>'
                for cell in row
            )
            lines.append("<tr>" + "".join(cells) + "</tr>")
        self._parts.append("<table>" + "".join(lines) + "</table>")

    def plot(self, svg: str, caption: str) -> None:
        """What `semsyn.evaluate.plots` drew."""
        self._parts.append(f"<figure>{svg}<figcaption>{_text(caption)}</figcaption></figure>")

    def row(self, pictures: Sequence[tuple[Image.Image, str]]) -> None:
        """Pictures side by side, each with its caption."""
        figures = "".join(
            f'<figure><img alt="{_text(caption)}" src="{_as_data(picture)}"><figcaption>{_text(caption)}</figcaption>'
            "</figure>"
            for picture, caption in pictures
        )
        self._parts.append(f'<div class="row">{figures}</div>')

    def folded(self, title: str, text: str) -> None:
        """Text that is shown when it is asked for."""
        self._parts.append(
            f"<details><summary>{_text(title)}</summary><pre><code>{escape(text)}</code></pre></details>"
        )

    def html(self) -> str:
        """The whole page."""
        return (
            f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{_text(self.title)}</title>'
            f"<style>{STYLE}</style></head>\n<body><h1>{_text(self.title)}</h1>\n"
            + "\n".join(self._parts)
            + "\n</body></html>\n"
        )


def _text(value: object) -> str:
    return escape(printable(value))


def _as_data(picture: Image.Image) -> str:
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
