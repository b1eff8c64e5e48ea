"""Replays of SIMS' training: its Adam, and the loss of painted pictures."""

from collections.abc import Mapping

import torch
from torch import Tensor

from semsyn.convert.matconvnet import vgg_state
from semsyn.losses.painted import PaintedLoss
from semsyn.nn.towers.vgg19 import VGG19Features
from semsyn.testing.golden.case import Case, Handler, Results
from semsyn.testing.replays.sims_network import channels_first, ids_of
from semsyn.train.adam import TensorFlowAdam


def adam_steps(case: Case) -> Results:
    """Kind ``adam_steps``: weights and moments after each step."""
    config, weight = case.config, torch.nn.Parameter(case.inputs["x0"].clone())
    betas = config["beta1"], config["beta2"]
    adam = TensorFlowAdam([weight], config["lr"], betas=betas, eps=config["epsilon"])
    steps: dict[str, list[Tensor]] = {"x": [], "m": [], "v": []}
    for grad in case.inputs["grads"]:
        weight.grad = grad.clone()
        adam.step()
        state = adam.state[weight]
        for name, value in (("x", weight.detach()), ("m", state["exp_avg"]), ("v", state["exp_avg_sq"])):
            steps[name].append(value.clone())
    return {name: torch.stack(values) for name, values in steps.items()}


def vgg_of(state: Mapping[str, Tensor]) -> VGG19Features:
    """VGG19 as wide as an original state."""
    widths = [len(state[f"vgg/conv{stage}_1/biases"]) for stage in range(1, 5)]
    vgg = VGG19Features(widths, convolution=2, has_means=True)
    return vgg.load_torchvision(vgg_state({name.removeprefix("vgg/"): t for name, t in state.items()}))


def loss_synth(case: Case) -> Results:
    """Kind ``loss_synth``: the parts of the loss, and the gradients of picture and logits."""
    inputs = case.inputs
    fake, logits = inputs["fake"].clone().requires_grad_(), inputs["semantic_logits"].clone().requires_grad_()
    halves = logits.shape[1] * 2 == fake.shape[1]
    loss = PaintedLoss(vgg_of(case.state), halves=halves, as_released=True)
    ids = ids_of(inputs["label_gt_index"], logits.shape[-1] - 1)
    real = inputs["real_bgr_u8"].float()
    painted, true = (channels_first(x).flip(1) / 127.5 - 1 for x in (fake, real))
    terms = loss.terms(painted, true, channels_first(logits), ids)
    total = torch.stack(list(terms.values())).sum()
    grads = torch.autograd.grad(total, (fake, logits))
    distances = {f"p{i}": terms[name] for i, name in enumerate(name for name in terms if name != "classes")}
    return {
        **distances,
        "p_semantic": terms["classes"] / loss.classes,
        "G_loss": total,
        "grad/fake": grads[0],
        "grad/semantic_logits": grads[1],
    }


HANDLERS: dict[str, Handler] = {"adam_steps": adam_steps, "loss_synth": loss_synth}
