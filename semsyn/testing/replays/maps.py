"""Replays of what is computed from id maps: one-hot inputs and edges."""

import torch

from semsyn.records.layout import Layout
from semsyn.testing.golden.case import Case, Results
from semsyn.testing.plain.maps import one_hot


def preprocess(case: Case) -> Results:
    """Kind ``preprocess``: our ids and edges, written out as the originals' one-hot inputs."""
    config, inputs = case.config, case.inputs
    num_classes = config["label_nc"] + bool(config.get("contain_dontcare_label", False))
    has_edges = not config.get("no_instance", False)
    instance_map = inputs["instance"][:, 0] if "instance" in inputs else None
    requires = ("edges", "instance_ids") if has_edges else ()
    layout = Layout.of(inputs["label"][:, 0].long(), instance_map, space=num_classes, requires=requires)
    planes = one_hot(layout.class_ids, num_classes)
    results = {}
    if layout.edges is not None and layout.instance_ids is not None:
        planes = torch.cat([planes, layout.edges[:, None].float()], dim=1)
        results = {
            "edges": layout.edges[:, None].float(),
            "input_instances": one_hot(layout.instance_ids, layout.num_instances),
        }
    return {"input_semantics": planes, **results}
