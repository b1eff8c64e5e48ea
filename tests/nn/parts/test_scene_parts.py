from dataclasses import replace

import pytest
import torch
from torch import nn

from semsyn.nn import PartNet
from semsyn.nn.parts import scene_parts
from semsyn.nn.parts.scene_parts import SceneInference
from semsyn.nn.parts.support_memory import SupportMemory
from semsyn.records.objects import Objects
from semsyn.testing.plain.ipose import plain_part_net, plain_paste_all
from tests.models.cases import make_supports

SIZE = (48, 56)


def make_scene() -> SceneInference:
    torch.manual_seed(0)
    memory = SupportMemory()
    memory.attach(make_supports())
    return SceneInference(PartNet((4, 4, 4, 6), num_parts=4).eval(), memory)


def make_objects() -> Objects:
    """Overlapping ones in images 0 and 2, one of a category without supports; image 1 has none."""
    ids = torch.zeros(3, *SIZE, dtype=torch.int64)
    boxes = [[2, 22, 4, 30], [10, 40, 20, 50], [12, 20, 6, 16], [4, 44, 0, 56], [0, 10, 0, 10], [20, 30, 20, 30]]
    images = [0, 0, 0, 2, 2, 2]
    for i, (image, (a, b, c, d)) in enumerate(zip(images, boxes, strict=True)):
        ids[image, a : b + 1, c : d + 1] = i + 1
    return Objects.of(
        ids,
        images=torch.tensor(images),
        instance_ids=torch.arange(1, 7),
        categories=torch.tensor([7, 9, 7, 9, 8, 7]),
        boxes=torch.tensor(boxes),
        original_sizes=torch.tensor([[1, 1], [1, 1], [1, 1], [300, 450], [1, 1], [512, 333]]),
    )


def plain(scene: SceneInference, objects: Objects) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits and features of all scenes, pasted object by object."""
    objects = objects[scene.supports.has(objects.categories)]
    rows = [scene.supports.categories.tolist().index(c) for c in objects.categories.tolist()]
    logits, features = plain_part_net(
        scene.part_net, objects.silhouettes[:, None].float(), scene.supports.part_ids[rows]
    )
    return (
        plain_paste_all(logits, objects, 3, mode="nearest"),
        plain_paste_all(features.flatten(1, 2), objects, 3, mode="bilinear"),
    )


def test_scenes_as_the_plain_form_makes_them() -> None:
    scene, objects = make_scene(), make_objects()
    found, _ = scene(objects, 3)
    logits, _ = plain(scene, objects)
    torch.testing.assert_close(found.part_logits, logits, atol=1e-4, rtol=1e-4)
    assert torch.equal(found.part_map, found.part_logits.argmax(1))
    assert (found.owners[1] == -1).all() and not found.part_map[1].any()


@pytest.mark.parametrize("pixels_at_once", [1, 10**9], ids=["image by image", "at once"])
def test_the_convolution_as_the_plain_form_makes_it(pixels_at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scene_parts, "PIXELS_AT_ONCE", pixels_at_once)
    monkeypatch.setattr(scene_parts, "OBJECTS_AT_ONCE", 2)
    scene, objects = make_scene(), make_objects()
    conv = nn.Conv2d(4 * 4, 6, 3, padding=1)
    _, found = scene(objects, 3, conv)
    _, canvas = plain(scene, objects)
    expected = conv(canvas)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
    weights = torch.linspace(-1, 1, expected.numel()).view_as(expected)
    grads = [torch.autograd.grad((t * weights).sum(), list(conv.parameters())) for t in (found, expected)]
    for ours, theirs in zip(*grads, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-3, rtol=1e-3)


def test_an_object_without_supports_is_as_if_it_were_not_there() -> None:
    scene, objects = make_scene(), make_objects()
    with_it, _ = scene(objects, 3)
    without, _ = scene(objects[objects.categories != 8], 3)
    assert torch.equal(with_it.part_map, without.part_map)
    lost = (objects.categories == 8).nonzero()[0, 0]
    assert (with_it.part_ids[lost] == -1).all() and not with_it.logits[lost].any()


def test_hidden_objects_are_not_inferred(monkeypatch: pytest.MonkeyPatch) -> None:
    scene, objects = make_scene(), make_objects()
    asked: list[int] = []
    forward = scene.part_net.forward

    def counting(silhouettes: torch.Tensor, *args: object, **options: object) -> object:
        asked.append(len(silhouettes))
        return forward(silhouettes, *args, **options)

    monkeypatch.setattr(scene.part_net, "forward", counting)
    whole = replace(objects, silhouettes=torch.ones_like(objects.silhouettes))
    order = torch.tensor([2, 0, 1, 5, 4, 3])  # the large ones last
    scene(whole[order], 3)
    assert sum(asked) == 3, "one lies behind another, one behind the window that fills its image, one has no supports"


def test_no_objects_and_no_supports() -> None:
    scene = make_scene()
    conv = nn.Conv2d(4 * 4, 6, 3, padding=1)
    found, features = scene(Objects.none(SIZE), 2, conv)
    assert not found.part_map.any() and found.part_logits.shape == (2, 4, *SIZE)
    assert conv.bias is not None
    assert torch.equal(features, conv.bias[:, None, None].expand(2, -1, *SIZE))
    bare = SceneInference(scene.part_net, SupportMemory())
    assert not bare(make_objects(), 3)[0].part_map.any()


def test_known_parts_change_their_object_alone() -> None:
    scene, objects = make_scene(), make_objects()
    first, _ = scene(objects, 3)
    second, _ = scene(objects.with_part_maps({1: objects.silhouettes[1].long() * 2}), 3)
    assert not torch.equal(second.logits[1], first.logits[1])
    torch.testing.assert_close(second.logits[[0, 2, 3, 5]], first.logits[[0, 2, 3, 5]], atol=1e-4, rtol=1e-4)


def test_the_network_inside_is_frozen() -> None:
    scene = make_scene()
    assert not any(p.requires_grad for p in scene.part_net.parameters())
    assert not scene(make_objects(), 3)[0].logits.requires_grad
