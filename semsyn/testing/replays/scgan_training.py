"""Replays of SCGAN's discriminators, losses, schedule, scores, and of one iteration of its training."""

import re
from collections.abc import Mapping
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from semsyn.critics.pyramid import FeaturePyramidDiscriminator
from semsyn.losses.adversarial import MODES, discriminator_loss, generator_loss
from semsyn.losses.diversity import diversity_loss
from semsyn.losses.feature_matching import feature_matching
from semsyn.losses.kl import kl_divergence
from semsyn.losses.perceptual import WEIGHTS
from semsyn.metrics.inception_score import inception_score
from semsyn.models.pyramid.released import PATCHGAN
from semsyn.models.scgan.recipe import Distance, Preview
from semsyn.models.scgan.released import FEATURE_PYRAMID
from semsyn.nn.routing.routing_conditioner import RoutingConditioner
from semsyn.records.layout import Layout
from semsyn.testing.golden.case import Case, Results
from semsyn.testing.plain.maps import from_one_hot
from semsyn.testing.replays.statistics import distance
from semsyn.testing.replays.train_step import PatchIteration, part_of, prefixed
from semsyn.testing.replays.training import LAMBDA_FEAT, build_discriminator, build_perceptual, learning_rates

DELTA = 0.999  # of the diversity loss
DISTANCES: dict[str, Distance] = {"l1": F.l1_loss, "l2": F.mse_loss}
PREVIEW = "W_Recon_{}"  # original name of the loss, with that of its distance


def build_feature_pyramid(state: Mapping[str, Tensor], *, has_edges: bool = False) -> FeaturePyramidDiscriminator:
    """The discriminator that an original state fits: widths and classes are those of its weights."""
    return FeaturePyramidDiscriminator.of(FEATURE_PYRAMID.convert(state), has_edges=has_edges)


def feature_pyramid(case: Case) -> Results:
    """Kind ``fpse_d``: features and scores of fake and real pictures, a probe's gradient, and the state afterwards."""
    planes, has_edges = case.inputs["semantics"], not case.config.get("no_instance", True)
    layout = Layout(
        class_ids=from_one_hot(planes[:, : planes.shape[1] - has_edges]),
        edges=planes[:, -1] > 0 if has_edges else None,
    )
    net = build_feature_pyramid(case.state, has_edges=has_edges).train(case.mode == "train")
    fake = case.inputs["fake"].clone().requires_grad_()
    said = net(layout, torch.cat([fake, case.inputs["real"]]))
    features = [t for scale in said.features for t in scale]
    probe = sum(t.mean() for t in said.logits) + sum(t.abs().mean() for t in features)
    return {
        **{f"feat{i}": t for i, t in enumerate(features)},
        **{f"pred{i}": t for i, t in enumerate(said.logits)},
        "probe_loss": probe,
        "grad/fake": torch.autograd.grad(probe, fake)[0],
        **{f"state_after/{key}": t for key, t in FEATURE_PYRAMID.invert(net.state_dict()).items()},
    }


def multiscale(case: Case) -> Results:
    """Kind ``multiscale_d``: every map of every scale, and the state afterwards."""
    net = build_discriminator({**case.config, "semantic_nc": case.config["input_nc"] - 3}).train(case.mode == "train")
    net.load_state_dict(PATCHGAN.convert(case.state))
    x = torch.cat([torch.cat([case.inputs["semantics"], case.inputs[name]], 1) for name in ("fake", "real")])
    maps = {f"d{s}_feat{i}": t for s, scale in enumerate(net.maps(x)) for i, t in enumerate(scale)}
    return {**maps, **{f"state_after/{key}": t for key, t in PATCHGAN.invert(net.state_dict()).items()}}


def _with_gradients(name: str, loss: Tensor, leaves: Mapping[str, Tensor]) -> dict[str, Tensor]:
    grads = torch.autograd.grad(loss, list(leaves.values()), allow_unused=True)
    named = {f"grad/{name}_{leaf}": grad for leaf, grad in zip(leaves, grads, strict=True) if grad is not None}
    return {name: loss, **named}


def losses(case: Case) -> Results:
    """Kind ``losses``: each loss and its gradients."""
    inputs = {name: t.clone().requires_grad_(t.is_floating_point()) for name, t in case.inputs.items()}

    def group(prefix: str) -> dict[str, Tensor]:
        numbers = sorted(int(name.removeprefix(prefix)) for name in inputs if re.fullmatch(rf"{prefix}\d+", name))
        return {f"{prefix}{i}": inputs[f"{prefix}{i}"] for i in numbers}

    results: dict[str, Tensor] = {}
    logits, fake, real = group("pred"), group("ff"), list(group("fr").values())
    for mode in MODES:
        maps = list(logits.values())
        on_fake, on_real = discriminator_loss(maps, maps, mode=mode)
        for role, loss in {"G": generator_loss(maps, mode=mode), "D_fake": on_fake, "D_real": on_real}.items():
            results |= _with_gradients(f"{mode}_{role}", loss, logits)
    weight = case.config.get("lambda_feat", LAMBDA_FEAT)
    matched = weight * feature_matching([[t] for t in fake.values()], [[t] for t in real])
    results |= _with_gradients("featmatch_fpse", matched, fake)
    for name in case.expected:  # as if all scales but the first matched
        if match := re.fullmatch(r"featmatch_multiscale_numD(\d+)_one_scale", name):
            matching = weight / int(match[1]) * feature_matching([list(fake.values())[:-1]], [real[:-1]])
            results |= _with_gradients(name, matching, fake)
    moments = {name: inputs[name] for name in ("mu", "logvar")}
    results |= _with_gradients("kld", kl_divergence(**moments), moments)
    planes = inputs["div_label"].detach()
    delta = case.config.get("delta", DELTA)
    diversity = diversity_loss(
        inputs["div_gen"], inputs["div_gt"], from_one_hot(planes), planes.shape[1], delta=delta, as_released=True
    )
    return {**results, **_with_gradients("diversity", diversity, {"gen": inputs["div_gen"]})}


def vgg_loss(case: Case) -> Results:
    """Kind ``vgg_loss``: loss and gradient on a narrow VGG19."""
    fake = case.inputs["x"].clone().requires_grad_()
    loss = build_perceptual(case.state, case.config.get("weights", WEIGHTS))(fake, case.inputs["y"])
    return {"loss": loss, "grad/x": torch.autograd.grad(loss, fake)[0]}


def lr_schedule(case: Case) -> Results:
    """Kind ``lr_schedule``: the rates of generator and discriminator in each epoch, for several schedules."""
    results: dict[str, Tensor] = {}
    for constant, decay, lr, has_two_rates in case.config["cases"]:
        name = f"{constant}_{decay}_{int(has_two_rates)}"
        results[f"G_{name}"], results[f"D_{name}"] = learning_rates(lr, constant, decay, has_two_rates)
    return results


def metrics(case: Case) -> Results:
    """Kind ``metrics``: Fréchet distance of two sets of features, inception score of logits."""
    inputs = case.inputs
    scores = inception_score(inputs["logits"], splits=case.config.get("splits", 1))
    named = dict(zip(("is_mean", "is_std"), scores, strict=True))
    return {
        "frechet": distance(inputs["act_a"], inputs["act_b"]),
        **{name: torch.tensor(value, dtype=torch.float64) for name, value in named.items()},
    }


def as_train_step(case: Case) -> Case:
    """A case of SCGAN's with the option and input names of the others."""
    tensors = dict(case.tensors)
    tensors["in/image"] = case.inputs["image_u8"].double() / 127.5 - 1
    if "in/edge" in tensors:
        tensors["in/edges"] = tensors["in/edge"]
    tensors |= {f"in/z_{step}": case.inputs[f"eps_{i}"] for i, step in enumerate("GD") if f"eps_{i}" in case.inputs}
    return replace(case, tensors=tensors)


def make_iteration(case: Case) -> PatchIteration:
    """The step of a case, in double precision; what the semantic vectors draw by themselves has a loss, too."""
    config = case.config
    kind, vgg = config.get("rw_loss", "l1"), part_of(case, "criterionVGG.")
    apart: Distance = build_perceptual(vgg) if kind == "vgg" else DISTANCES[kind]
    critic = None
    if config.get("netD") == "fpse":
        has_edges = not config.get("no_instance", True)
        critic = build_feature_pyramid(part_of(case, "netD."), has_edges=has_edges), FEATURE_PYRAMID
    iteration = PatchIteration(
        as_train_step(case),
        dtype=torch.float64,
        critic=critic,
        terms={"preview": Preview(config.get("lambda_w_recon", 1.0), apart)},
    )
    conditioner = iteration.nets.generator.conditioner
    assert isinstance(conditioner, RoutingConditioner)
    conditioner.is_conv_detached = bool(config.get("routing_detach", False))
    return iteration


def train_iteration(case: Case) -> Results:
    """Kind ``train_iteration``: losses, pictures, gradients, their norms, and what both steps changed.

    In double precision, which the file's gradients agree with to six digits: with position maps the logits of experts
    reach 10,000, and what single precision rounds off there turns signs in the L1 losses and in Adam's first step.
    """
    iteration = make_iteration(case)
    before = iteration.state()
    replayed = iteration.run()
    made, losses = replayed.made, iteration.losses(replayed)
    losses[PREVIEW.format(case.config.get("rw_loss", "l1"))] = losses.pop("preview")
    of_generator = {f"G_{name}": loss for name, loss in losses.items() if not name.startswith("D_")}
    after, gradients = iteration.state(), iteration.gradients()
    named = {role: case.config.get(f"grad_norm_names_{role}", []) for role in "GD"}
    norms = {f"{role}_grad_norms": _norms(gradients, names) for role, names in named.items() if names}
    results: dict[str, Tensor] = {
        **of_generator,
        "G_total": torch.stack(list(of_generator.values())).sum(),
        **{name: loss for name, loss in losses.items() if name.startswith("D_")},
        "D_total": losses["D_Fake"] + losses["D_real"],
        "fake_crop": _centre(made.image, case.expected.get("fake_crop")),
        "w_image_crop": _centre(made["preview"], case.expected.get("w_image_crop")),
        "fake_mean": made.image.mean(),
        "fake_std": made.image.std(),
        **norms,
        **prefixed("grad/", gradients),
        **prefixed("state_after_iteration/", after),
        **{f"delta_after_iteration/{key}": after[key] - before[key] for key in after},
    }
    # As released, some losses have the shape [1].
    return {
        key: t.reshape(case.expected[key].shape) if t.numel() == 1 else t
        for key, t in results.items()
        if key in case.expected
    }


def _norms(gradients: Mapping[str, Tensor], names: list[str]) -> Tensor:
    return torch.stack([gradients[name].norm() for name in names])


def _centre(image: Tensor, like: Tensor | None) -> Tensor:
    """The middle of a picture, of the size of another one."""
    if like is None:
        return image
    (top, left), (h, w) = ((a - b) // 2 for a, b in zip(image.shape[2:], like.shape[2:], strict=True)), like.shape[2:]
    return image[..., top : top + h, left : left + w]
