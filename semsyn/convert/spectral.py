"""Spectral normalisation as other torch versions save it: by other names, or without its buffers."""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from semsyn.errors import CheckpointError

# Of torch.nn.utils.parametrizations.spectral_norm, and what torch.nn.utils.spectral_norm calls the same tensors.
_NAMES = {
    "parametrizations.weight.original": "weight_orig",
    "parametrizations.weight.0._u": "weight_u",
    "parametrizations.weight.0._v": "weight_v",
}


def rename_spectral_norm(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A state with the names that the original projects' files have for spectral normalisation.

    Layers that have other parametrizations keep their names.
    """
    mark = "parametrizations.weight.0._u"
    layers = {key.removesuffix(mark) for key in state if key.endswith(mark)}
    renamed = {f"{layer}{theirs}": f"{layer}{ours}" for layer in layers for theirs, ours in _NAMES.items()}
    return {renamed.get(key, key): tensor for key, tensor in state.items()}


def complete_spectral_norm(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Fill in ``weight_v`` where a file has ``weight_orig`` and ``weight_u`` alone.

    Such files may hold the normalised ``weight`` too: then v is the solution of W v = u, scaled so that u·W v is the
    norm that file was saved with (as torch itself upgrades them); the ``weight`` is dropped. Without it v is one power
    iteration from u.

    Raises:
        CheckpointError: if the parts of a layer do not fit each other.
    """
    completed = dict(state)
    for layer in [key.removesuffix("weight_u") for key in state if key.endswith("weight_u")]:
        normalised = completed.pop(f"{layer}weight", None)
        if f"{layer}weight_v" in state:
            continue
        try:
            completed[f"{layer}weight_v"] = _solve(state[f"{layer}weight_orig"], state[f"{layer}weight_u"], normalised)
        except (KeyError, RuntimeError) as error:
            raise CheckpointError(
                f"spectral normalisation of {layer[:-1]} does not fit its weight: {error}."
            ) from error
    return completed


def _solve(weight: Tensor, u: Tensor, normalised: Tensor | None) -> Tensor:
    matrix, u = weight.float().flatten(1), u.float()
    if normalised is None:
        return F.normalize(torch.mv(matrix.mT, u), dim=0, eps=1e-12)
    v = torch.linalg.lstsq(matrix, u[:, None], driver="gelsd").solution[:, 0]
    return v * ((weight.float() / normalised.float()).mean() / torch.dot(u, torch.mv(matrix, v)))
