import pytest
import torch

from semsyn.functional import label_conv2d
from semsyn.ops.label_conv2d.reference import label_conv2d_reference
from semsyn.ops.label_conv2d.taps import label_conv2d_taps

CASES = {  # n h w, classes, kernel, padding, stride
    "one-pixel": ((1, 1, 1), 1, (1, 1), 0, 1),
    "same-size": ((2, 7, 9), 5, (3, 3), 1, 1),
    "valid": ((2, 6, 7), 4, (3, 3), 0, 1),
    "strided": ((2, 9, 7), 4, (3, 3), 1, 2),
    "strided-even": ((1, 8, 8), 3, (4, 4), 2, 2),
    "oblong": ((2, 6, 8), 4, (1, 3), 1, 1),
}


@pytest.mark.parametrize("has_values", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_it_is_the_reference(case: str, has_values: bool) -> None:
    size, k, kernel, padding, stride = CASES[case]
    rng = torch.Generator().manual_seed(0)
    class_ids = torch.randint(k + 1, size, generator=rng)
    class_ids[0, 0, 0] = k
    weight = torch.randn(6, k, *kernel, generator=rng, dtype=torch.float64)
    values = torch.randn(size, generator=rng, dtype=torch.float64) if has_values else None
    expected = label_conv2d_reference(class_ids, weight, padding, stride, values)
    torch.testing.assert_close(label_conv2d_taps(class_ids, weight, padding, stride, values), expected)


class Convolution(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.randn(6, 4, 3, 3, generator=torch.Generator().manual_seed(0)))

    def forward(self, class_ids: torch.Tensor) -> torch.Tensor:
        return label_conv2d(class_ids, self.weight, padding=1)


def test_an_exported_graph_holds_look_ups_and_no_bags() -> None:
    class_ids = torch.arange(2 * 6 * 8).reshape(2, 6, 8) % 5
    sizes = {0: torch.export.Dim("n"), 1: torch.export.Dim("h"), 2: torch.export.Dim("w")}
    program = torch.export.export(Convolution(), (class_ids,), dynamic_shapes=(sizes,))
    assert sum(node.target == torch.ops.aten.embedding.default for node in program.graph.nodes) == 9
    assert not [node for node in program.graph.nodes if "embedding_bag" in str(node.target)]
    larger = torch.cat([class_ids, class_ids, class_ids]).repeat(1, 2, 1)
    torch.testing.assert_close(program.module()(larger), Convolution()(larger))
