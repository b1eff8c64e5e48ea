"""Spectral normalisation buffers that files of very old torch versions lack."""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor


def complete_spectral_norm(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Fill in ``weight_v`` where a file has ``weight_orig`` and ``weight_u`` alone.

    Such files may hold the normalised ``weight`` too: then v is the solution of W v = u, scaled so that u·W v is the
    norm that file was saved with (as torch itself upgrades them); the ``weight`` is dropped. Without it v is one power
    iteration from u.
    """
    completed = dict(state)
    for key in state:
        layer, _, last = key.rpartition("weight_u")
        if last or not key.endswith("weight_u"):
            continue
        normalised = completed.pop(f"{layer}weight", None)
        if f"{layer}weight_v" in state:
            continue
        weight, u = state[f"{layer}weight_orig"].float(), state[key].float()
        matrix = weight.flatten(1)
        if normalised is None:
            v = F.normalize(torch.mv(matrix.mT, u), dim=0, eps=1e-12)
        else:
            v = torch.linalg.lstsq(matrix, u[:, None], driver="gelsd").solution[:, 0]
            v = v * ((weight / normalised.float()).mean() / torch.dot(u, torch.mv(matrix, v)))
        completed[f"{layer}weight_v"] = v
    return completed
