"""Replays of clVAE's encoder and generator, and of both together."""

import torch
from torch import Tensor

from semsyn.generator.assemble import assemble
from semsyn.generator.generator import Generator
from semsyn.models.clvae.draw_released import draw_as_released
from semsyn.models.clvae.released import ENCODER, RELEASED
from semsyn.nn.conditioning.class_conditioner import ClassConditioner
from semsyn.nn.encoders.class_encoder import ClassEncoder
from semsyn.records.layout import Layout
from semsyn.records.style import Style
from semsyn.testing.golden.case import Case, Results
from semsyn.testing.replays.networks import assemble_original, split_roles

STRIDE, CENTRE = 4, 64  # of the pictures that files hold parts of


def picture(levels: Tensor) -> Tensor:
    """8-bit levels to [-1, 1]."""
    return ((levels if levels.is_floating_point() else levels.float()) / 255 - 0.5) / 0.5


def layout_of(label_map: Tensor) -> Layout:
    """Raw ids, n h w, as a layout."""
    return Layout(class_ids=label_map.long())


def build(case: Case) -> Generator:
    """The generator (and encoder) of a case, converted and in its mode."""
    states = split_roles(case.state)
    config = RELEASED.from_options(case.config)
    if case.config.get("use_vae", False):
        net = assemble_original(states, case.config)
        assert isinstance(net.conditioner, ClassConditioner)
        net.conditioner.as_released = True
    else:  # without codes the keys are SPADE's
        hidden = states["generator"]["head_0.norm_0.mlp_shared.0.weight"].shape[0]
        plain = RELEASED.config(**{**vars(config), "hidden": hidden})
        net = assemble(plain, RELEASED.keymap(plain).convert(states["generator"]))
    return net.train(case.mode == "train")


def encoder(case: Case) -> Results:
    """Kind ``encoder``."""
    state = case.state
    net = ClassEncoder(
        case.config["semantic_nc"], state["fc_mu1.weight"].shape[0], case.config["ngf"], state["fc_mu.weight"].shape[0]
    )
    net.load_state_dict(ENCODER.convert(state))
    layout = layout_of(case.inputs["label"])
    found = net.train(case.mode == "train")(picture(case.inputs["image_u8"]), layout)
    classes, start = found["classes"], found["start"]
    return {
        "mu_class": classes.mu,
        "logvar_class": classes.logvar,
        "valid": classes.seen,
        "class_key_present": classes.valid.any(0),
        "mu_global": start.mu[:, 0],
        "logvar_global": start.logvar[:, 0],
    }


def generator(case: Case) -> Results:
    """Kind ``generator``: the picture, and in training the state afterwards."""
    net, inputs = build(case), case.inputs
    style = Style({})
    if net.codes:
        style = net.style(start=inputs["z_global"], classes=inputs["z_class"])
    image = net(layout_of(inputs["label"]), style)
    after = RELEASED.invert(net.config, net.state_dict())["generator"]
    return {"image": image, **{f"state_after/{key}": t for key, t in after.items()}}


def pipeline(case: Case) -> Results:
    """Kind ``pipeline``: a map, and perhaps a picture that gives its style, to a picture."""
    net, inputs = build(case), case.inputs
    layout = layout_of(inputs["label"])
    posterior = None
    if "style_label" in inputs:
        posterior = net.encode(picture(inputs["style_image_u8"]), layout_of(inputs["style_label"]))
    rng = torch.Generator().manual_seed(case.config["torch_seed"])
    style = draw_as_released(net, layout, rng, reference=posterior)
    return _parts_of("image", net(layout, style))


def edit_mixing(case: Case) -> Results:
    """Kind ``edit_mixing``: codes of two pictures, mixed by class and level, and in between."""
    net, inputs, config = build(case), case.inputs, case.config
    layout = layout_of(inputs["label_a"])
    a, b = (_means(net, picture(inputs[f"image_{x}_u8"]), layout_of(inputs[f"label_{x}"])) for x in "ab")
    between = a.lerp(b, config["interpolation_weight_b"])
    edited = a.mix(b, classes=[config["class_all_layers_from_b"]])
    edited = edited.mix(b, classes=[config["class_layers_3_4_from_b"]], levels=[3, 4])
    edited = edited.mix(between, classes=[config["class_interpolated"]])
    styles = {"reconstruction": a, "edited": edited, "global_swap": a.mix(b, only=["start"])}
    return {k: v for name, style in styles.items() for k, v in _parts_of(name, net(layout, style)).items()}


def _means(net: Generator, image: Tensor, layout: Layout) -> Style:
    """The style of a picture: the means of its posterior, zeros for classes that it lacks."""
    found = net.encode(image, layout)
    return net.style(start=found["start"].mu[:, 0], classes=found["classes"].mu)


def _parts_of(name: str, image: Tensor) -> Results:
    """A picture as files hold it: every fourth pixel, and its middle."""
    top, left = ((side - CENTRE) // 2 for side in image.shape[2:])
    return {
        f"{name}_stride4": image[..., ::STRIDE, ::STRIDE],
        f"{name}_centre64": image[..., top : top + CENTRE, left : left + CENTRE],
    }
