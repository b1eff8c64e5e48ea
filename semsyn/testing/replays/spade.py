"""What replays each kind of SPADE's golden files, and its own kinds."""

import torch
from PIL import Image

from semsyn.data.scenes.instances import coco_instance_map as make_coco_instance_map
from semsyn.nn.norms import SyncBatchNorm
from semsyn.testing.golden.case import Case, Handler, Results
from semsyn.testing.replays import data, maps, networks, pyramid_layers, train_step, training
from semsyn.testing.replays.data import from_options

UNKNOWN = 5  # what the options of the transforms' files, which they do not hold, make of 255
VOID_ID = 255


def transforms(case: Case) -> Results:
    """Kind ``transforms``: label, instance map and picture through each variant."""
    image = Image.fromarray(case.inputs["image"].numpy())
    instances = next(ids for name, ids in case.inputs.items() if name.startswith("instance"))
    outputs = {}
    for variant in case.config["variants"]:
        transform, placement = from_options(variant)
        label_map = transform.ids(case.inputs["label"], placement)
        unknown = variant["opt"].get("label_nc", case.config.get("label_nc", UNKNOWN))
        outputs[f"{variant['tag']}/label"] = label_map.masked_fill(label_map == VOID_ID, unknown)[None]
        outputs[f"{variant['tag']}/instance"] = transform.ids(instances, placement)[None]
        outputs[f"{variant['tag']}/image"] = transform.image(image, placement)
    return outputs


def coco_instance_map(case: Case) -> Results:
    """Kind ``coco_instance_map``: the config lists per annotation the numbers of its rings, or ``rle``."""
    rings = {name: ring.tolist() for name, ring in case.inputs.items()}
    annotations = [
        {"segmentation": {"counts": [], "size": []} if entry == "rle" else [rings[f"poly{i}"] for i in entry]}
        for entry in case.config["annotations"]
    ]
    instances = make_coco_instance_map(case.inputs["label"], annotations, as_released=True)
    return {"instance": instances.to(torch.uint8)}


def synchronised_norm(case: Case) -> Results:
    """Kind ``syncbn_replicas_legacy``: batch norm over the replicas of one step, with the statistics as released."""
    config = case.config
    options = {name: config[name] for name in ("eps", "momentum") if name in config}
    norm = SyncBatchNorm(config["C"], **options, as_released=True)
    norm.load_state_dict(case.state)
    replicas = [case.inputs[f"x{i}"] for i in range(config["replicas"])]
    results = norm.train().normalise(torch.cat(replicas)).split([len(x) for x in replicas])
    after = {f"after/{name}": t for name, t in norm.state_dict().items()}
    return {**{f"y{i}": y for i, y in enumerate(results)}, **after}


HANDLERS: dict[str, Handler] = {
    "norm": pyramid_layers.norm_layer,
    "resblk": pyramid_layers.residual_block,
    "generator": networks.generator,
    "fullsize_G": networks.fullsize_generator,
    "preprocess": maps.preprocess,
    "encoder": networks.image_encoder,
    "fullsize_E": networks.image_encoder,
    "colormaps": data.colormaps,
    "transforms": transforms,
    "coco_instance_map": coco_instance_map,
    "discriminator": training.discriminator,
    "fullsize_D": training.fullsize_discriminator,
    "train_step": train_step.replay_train_step,
    "loss_gan": training.loss_gan,
    "loss_featmatch": training.loss_featmatch,
    "loss_vgg": training.loss_vgg,
    "loss_kld": training.loss_kld,
    "lr_schedule": training.lr_schedule,
    "syncbn_replicas_legacy": synchronised_norm,
}
