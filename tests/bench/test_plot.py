from xml.etree import ElementTree

from semsyn.bench.plot import draw_generators, find_ratios


def row(case: str, backend: str, median: float, **changes: str) -> dict[str, str]:
    usual = {"device": "cpu", "mode": "forward", "dtype": "float32"}
    return {"case": case, "backend": backend, "median": str(median), **usual, **changes}


ROWS = [
    row("a", "floor", 1.0),
    row("a", "plain", 7.0),
    row("a", "fused", 9.0, dtype="bfloat16"),
    row("a", "fused", 9.0, device="cuda"),
    row("without floor", "plain", 7.0),
    row("a", "floor", 0.5),
    row("a", "fused", 0.75),
]


def test_ratios_are_of_the_floor_of_the_same_run():
    assert find_ratios(ROWS, device="cpu") == {"a": {"plain": 7.0, "fused": 1.5}}
    assert find_ratios(ROWS, device="cuda") == {}


def test_the_drawing_is_svg_with_a_bar_per_backend():
    root = ElementTree.fromstring(draw_generators(ROWS, device="cpu"))
    texts = [element.text for element in root.iter() if element.tag.endswith("text")]
    assert {"a", "7.00", "1.50", "plain", "fused"} <= set(texts)
