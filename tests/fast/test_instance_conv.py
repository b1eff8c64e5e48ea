import torch

from semsyn.fast import instance_conv
from semsyn.fast.fuse import fuse
from semsyn.fast.instance_conv import FastInstanceConv2d
from semsyn.nn import InstanceConv2d


def test_inference_gathers_in_pieces(monkeypatch) -> None:
    torch.manual_seed(0)
    conv, x, ids = InstanceConv2d(5, 4, stride=2), torch.randn(3, 5, 8, 6), torch.randint(3, (3, 8, 6))
    expected, gathered, fast = conv(x, ids), [], fuse(conv)
    assert isinstance(fast, FastInstanceConv2d)
    monkeypatch.setattr(instance_conv, "CHUNK", 10 * 5 * 9)  # ten of the 36 pixels
    monkeypatch.setattr(
        instance_conv.torch, "cat", lambda pieces: gathered.append([len(p) for p in pieces]) or torch.concat(pieces)
    )
    torch.testing.assert_close(fast(x, ids), expected)
    assert gathered == [[10, 10, 10, 6]]
