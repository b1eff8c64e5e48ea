import re

from PIL import Image

from semsyn.evaluate.page import Page
from semsyn.evaluate.plots import MAX_POINTS, draw_bars, draw_curves


def test_what_looks_like_html_is_text() -> None:
    page = Page("<script>")
    page.heading("a & b")
    page.table(["<b>"], [["<i>", 3.14159265, 2]])
    page.paragraph("\x1b[31m")
    page.row([(Image.new("RGB", (3, 2)), '"x"')])
    page.folded("<f>", "</pre><script>")
    page.plot(draw_bars({"<n>": 1.0}, "<t>"), "<c>")
    page.plot(draw_curves({"<n>": [(0, 1), (1, 2)]}, '"<t>'), "<c>")
    html = page.html()
    assert "<script>" not in html and "&lt;script&gt;" in html and "\x1b" not in html
    assert '<td class="number">3.14159</td>' in html and "&lt;i&gt;" in html
    assert not re.search(r"<(n|t|c|f|b|i)>", html), "none of the texts became an element"
    assert "data:image/png;base64," in html and "http" not in html, "nothing comes from elsewhere"


def test_bars_are_as_long_as_values() -> None:
    svg = draw_bars({"a": 2.0, "b": 1.0, "c": float("nan"), "d": -1.0})
    lengths = [float(x) for x in re.findall(r'width="([\d.]+)" height', svg)]
    assert lengths[1] == lengths[3] == lengths[0] / 2 and lengths[2] == 0 and "nan" in svg
    assert draw_bars({}) and draw_bars({"a": 0.0})


def test_curves_are_thinned_and_skip_what_is_not_finite() -> None:
    long = [(float(i), float(i % 7)) for i in range(10 * MAX_POINTS)]
    svg = draw_curves({"long": long, "gap": [(0, 1), (1, float("inf")), (2, 1)], "none": [(0, float("nan"))]})
    lines = re.findall(r'points="([^"]*)"', svg)
    assert [len(line.split()) for line in lines] == [MAX_POINTS, 2]
    assert "nothing to show" in draw_curves({"a": []})
    assert draw_curves({"flat": [(1, 1)]})
