"""What is recorded of an eager call: forms that write into buffers are for calls of which nothing is."""

import torch
from torch.autograd import forward_ad


def is_forward_mode() -> bool:
    """Whether derivatives are carried along in forward mode (`torch.autograd.forward_ad`, `torch.func.jvp`)."""
    return forward_ad._current_level >= 0


def is_inference() -> bool:
    """Whether a call is eager and nothing is recorded, so that results may be written into buffers."""
    return not torch.is_grad_enabled() and not torch.compiler.is_compiling() and not is_forward_mode()
