import torch

from semsyn.critics import Verdict


def make_verdict(dtype=torch.bfloat16):
    logits = (torch.arange(4.0).view(4, 1, 1, 1).to(dtype),)
    return Verdict(logits=logits, features=(logits, (2 * logits[0],)), classes=3 * logits[0])


def test_some_pictures_of_the_batch():
    said = make_verdict()[1:3]
    assert said.logits[0].flatten().tolist() == [1, 2]
    assert [t.flatten().tolist() for scale in said.features for t in scale] == [[1, 2], [2, 4]]
    assert said.classes.flatten().tolist() == [3, 6]
    assert Verdict()[1:].classes is None


def test_widened_is_at_least_single_precision():
    for dtype, wanted in ((torch.bfloat16, torch.float32), (torch.float64, torch.float64)):
        said = make_verdict(dtype).widened()
        assert {said.logits[0].dtype, said.features[1][0].dtype, said.classes.dtype} == {wanted}
