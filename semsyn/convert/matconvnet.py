"""VGG19 as the released losses look through it: MatConvNet's conversion of the original network."""

from collections.abc import Mapping

from torch import Tensor

# Of each stage: the number of its first convolution in torchvision's features, and how many there are.
STAGES = ((0, 2), (5, 2), (10, 4), (19, 4), (28, 4))


def vgg_state(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights by their names in the paper to torchvision's state dict.

    Args:
        state: ``conv1_1/weights`` (kh kw i o) and ``conv1_1/biases`` (o), and so on; further ones are passed over.
    """
    found: dict[str, Tensor] = {}
    for stage, (first, count) in enumerate(STAGES, 1):
        for i in range(count):
            name, index = f"conv{stage}_{i + 1}", first + 2 * i
            if f"{name}/weights" in state:
                found[f"features.{index}.weight"] = state[f"{name}/weights"].permute(3, 2, 0, 1).contiguous()
                found[f"features.{index}.bias"] = state[f"{name}/biases"].flatten()
    return found
