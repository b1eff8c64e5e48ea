"""Replays of SCGAN's generator."""

import torch

from semsyn.generator.generator import Generator
from semsyn.records.layout import Layout
from semsyn.records.style import Style
from semsyn.testing.golden.case import Case, Results
from semsyn.testing.replays import networks as replay_networks


def layout_of(case: Case) -> Layout:
    """The layout that original ids describe, or the photograph that gives the structure in their place."""
    inputs = case.inputs
    if "B" in inputs:
        n, _, h, w = inputs["B"].shape
        return Layout(class_ids=torch.zeros(n, h, w, dtype=torch.int64), planes=inputs["B"])
    edges = inputs.get("edge", inputs.get("edges"))
    return Layout(class_ids=inputs["label"][:, 0].long(), edges=None if edges is None else edges[:, 0] > 0)


def style_of(net: Generator, case: Case) -> Style:
    """The code, or the photograph that gives the look."""
    return net.style(**{spec.name: case.inputs["z" if "z" in case.inputs else "A"] for spec in net.codes})


def generator(case: Case) -> Results:
    """Kind ``generator``: the picture, the one of the semantic vectors alone, and the logits at every level."""
    net = replay_networks.build(case)
    synthesis = net.synthesize(layout_of(case), style_of(net, case))
    routing = synthesis["routing"]
    return {
        "image": synthesis.image,
        "rgb": synthesis["preview"],
        **{f"routing_conv_{k}": logits for k, logits in enumerate(routing.conv)},
        **{f"routing_norm_{k}": logits for k, logits in enumerate(routing.norm)},
    }
