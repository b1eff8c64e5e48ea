"""What replays each kind of CLADE's golden files, and its own kinds."""

from torch import nn

from semsyn.functional.maps import region_offsets
from semsyn.models.clade.released import GENERATOR
from semsyn.nn.clade import CLADE
from semsyn.records.condition import Condition
from semsyn.testing.golden.case import Case, Handler, Results
from semsyn.testing.plain.maps import from_one_hot
from semsyn.testing.replays import data, maps, networks, pyramid_layers, statistics, train_step, training
from semsyn.testing.replays.layers import load_part, probe_gradients
from semsyn.testing.replays.pyramid_layers import NORM


def class_affine(case: Case) -> Results:
    """Kind ``class_affine``: CLADE without the norm."""
    config, mask = case.config, case.inputs["mask"]
    layer = CLADE(config["affine_nc"], config["label_nc"], has_offsets=config["add_dist"], norm=lambda c: nn.Identity())
    prefix, target = f"{NORM[0]}class_specified_affine.", NORM[1]
    load_part(layer, GENERATOR, case, prefix, target)
    x = case.inputs["x"].clone().requires_grad_()
    y = layer(
        x,
        Condition.of(class_ids=from_one_hot(mask), offsets=case.inputs.get("dist"), size=(x.shape[2], x.shape[3])),
    )
    parameters = GENERATOR.invert({f"{target}{name}": p for name, p in layer.named_parameters()})
    leaves = {"x": x, **{name.removeprefix(prefix): p for name, p in parameters.items()}}
    return {"y": y, **probe_gradients(y, leaves)}


def position_maps(case: Case) -> Results:
    """Kind ``dist_masks``: offsets to each component's centroid, with and without normalisation."""
    label_map = case.inputs["mask"][None].long()
    return {f"dist_{name}": region_offsets(label_map, normalize=name == "norm")[0] for name in ("norm", "no")}


def dist_transform(case: Case) -> Results:
    """Kind ``dist_transform``: stored offset maps through each variant, as released."""
    outputs = {}
    for variant in case.config["variants"]:
        transform, placement = data.from_options(variant)
        outputs[variant["tag"]] = transform.offsets(case.inputs["dist"], placement)
    return outputs


HANDLERS: dict[str, Handler] = {
    "norm": pyramid_layers.norm_layer,
    "resblk": pyramid_layers.residual_block,
    "generator": networks.generator,
    "fullsize_G": networks.fullsize_generator,
    "preprocess": maps.preprocess,
    "class_affine": class_affine,
    "dist_masks": position_maps,
    "dist_transform": dist_transform,
    "fid_distance": statistics.frechet,
    "inception_hash": statistics.inception,
    "discriminator": training.discriminator,
    "fullsize_D": training.fullsize_discriminator,
    "train_step": train_step.replay_train_step,
}
