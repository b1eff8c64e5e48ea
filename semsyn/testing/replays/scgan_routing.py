"""Replays of SCGAN's semantic vector generator."""

from dataclasses import replace

from torch import Tensor

from semsyn.models.scgan.network import build
from semsyn.models.scgan.released import ROUTING, from_released_options, generator_keymap
from semsyn.nn.routing.routing_conditioner import RoutingConditioner
from semsyn.nn.routing.semantic_vectors import SemanticVectorNetwork
from semsyn.testing.golden.case import Case, Results
from semsyn.testing.plain.maps import from_one_hot

OURS = "conditioner.network."


def make_network(case: Case) -> SemanticVectorNetwork:
    """The network of a case, converted and in its mode; planes that are not one-hot are read as planes."""
    config = from_released_options(case.config)
    if not is_one_hot(split_edges(case)[0]):
        config = replace(config, num_classes=0, num_planes=config.num_classes + config.num_planes)
    conditioner = build(config).conditioner
    assert isinstance(conditioner, RoutingConditioner)
    network = conditioner.network
    converted = generator_keymap(config).convert({ROUTING + key: tensor for key, tensor in case.state.items()})
    network.load_state_dict({key.removeprefix(OURS): tensor for key, tensor in converted.items()})
    return network.train(case.mode == "train")


def split_edges(case: Case) -> tuple[Tensor, Tensor | None]:
    """The planes of classes, n k h w, and instance borders, n h w, if the last plane is one."""
    planes = case.inputs["semantics"]
    return (planes, None) if case.config.get("no_instance", True) else (planes[:, :-1], planes[:, -1] > 0)


def is_one_hot(planes: Tensor) -> bool:
    """Whether at most one plane is 1 at each pixel, and all others 0."""
    return bool(((planes == 0) | (planes == 1)).all()) and bool((planes.sum(1) <= 1).all())


def inputs_of(case: Case) -> dict[str, Tensor | None]:
    """Arguments of the network."""
    planes, edges = split_edges(case)
    if is_one_hot(planes):
        return {"class_ids": from_one_hot(planes), "edges": edges}
    return {"class_ids": None, "edges": edges, "planes": planes}


def semantic_vectors(case: Case) -> Results:
    """Kind ``svg``: the logits of every level, and the picture painted from the last features."""
    network = make_network(case)
    vectors = network(**inputs_of(case), has_features=True)
    assert network.preview is not None and vectors.features is not None
    after = generator_keymap(from_released_options(case.config)).invert(
        {OURS + key: tensor for key, tensor in network.state_dict().items()}
    )
    return {
        "rgb": network.preview(vectors.features),
        **{f"routing_conv_{i}": logits for i, logits in enumerate(vectors.conv)},
        **{f"routing_norm_{i}": logits for i, logits in enumerate(vectors.norm)},
        **{f"state_after/{key.removeprefix(ROUTING)}": tensor for key, tensor in after.items()},
    }
