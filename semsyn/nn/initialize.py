"""How the released recipes initialise their networks."""

from typing import Literal, TypeVar

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils import parametrize

from semsyn.errors import UnknownNameError
from semsyn.nn.towers.tower import Tower
from semsyn.signature import checked

InitMethod = Literal["xavier", "xavier_uniform", "normal", "kaiming", "orthogonal"]
METHODS: tuple[str, ...] = ("xavier", "xavier_uniform", "normal", "kaiming", "orthogonal")

M = TypeVar("M", bound=nn.Module)


@checked()
def initialize(module: M, method: InitMethod = "xavier", gain: float = 0.02, *, keeps_spectral: bool = False) -> M:
    """Draw all weights of convolutions and linear layers in a network anew, in place, as the released recipes do.

    Biases become 0; batch norms with affine parameters get weights from N(1, gain). As released, a layer counts by
    its class name: it holds "Conv" or "Linear". So `InstanceConv2d` and CLADE's offset convolutions count, and the
    tables of modulations (uniform in [0, 1) from their construction) stay as they are.
    Trained towers inside a network (`semsyn.nn.towers`) stay as they are.
    Under spectral norm the unnormalised weight is drawn; u and v stay.

    Args:
        module: any network.
        method: "xavier" (normal, the released default), "xavier_uniform" (gain 1, whatever ``gain`` says), "normal"
            (deviation ``gain``), "kaiming" (fan in, no gain) or "orthogonal".
        gain: factor of the method.
        keeps_spectral: layers under spectral norm keep the weights that they were made with, but not their biases. So
            it happened to networks that the authors of clVAE moved to a GPU before they initialised them.

    Returns:
        The same module.

    Raises:
        UnknownNameError: for an unknown method.
    """
    if method not in METHODS:
        raise UnknownNameError("initialisation", method, METHODS)
    trained = {id(m) for t in module.modules() if isinstance(t, Tower) and t is not module for m in t.modules()}
    for layer in module.modules():
        kind = type(layer).__name__
        if id(layer) in trained:
            continue
        if isinstance(layer, _BatchNorm):
            if layer.affine:
                nn.init.normal_(layer.weight, 1.0, gain)
                nn.init.zeros_(layer.bias)
        elif "Conv" in kind or "Linear" in kind:
            spectral = _unnormalised(layer)
            own = dict(layer.named_parameters(recurse=False)) | spectral
            if "weight" in own:
                if not (keeps_spectral and spectral):
                    _draw(own["weight"], method, gain)
                if "bias" in own:
                    nn.init.zeros_(own["bias"])
    return module


def _unnormalised(layer: nn.Module) -> dict[str, Tensor]:
    """The weight under a spectral norm. Asking the layer for its weight instead would advance u and v."""
    if not parametrize.is_parametrized(layer, "weight"):
        return {}
    return {"weight": layer.get_parameter("parametrizations.weight.original")}


def _draw(weight: Tensor, method: str, gain: float) -> None:
    if method == "xavier":
        nn.init.xavier_normal_(weight, gain)
    elif method == "xavier_uniform":
        nn.init.xavier_uniform_(weight, 1.0)
    elif method == "normal":
        nn.init.normal_(weight, 0.0, gain)
    elif method == "kaiming":
        nn.init.kaiming_normal_(weight, a=0, mode="fan_in")
    else:
        nn.init.orthogonal_(weight, gain)
