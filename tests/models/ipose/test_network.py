from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from semsyn import Generator
from semsyn.data.parts.part_supports import write_supports
from semsyn.errors import InputError, InputTypeError
from semsyn.models import IPOSEConfig
from semsyn.nn import PartModulation, PartSupports
from semsyn.nn.conditioning.conditioner import Prepared
from semsyn.records.condition import Condition, Parts
from semsyn.records.layout import Layout
from semsyn.records.objects import Objects
from semsyn.testing.plain.plain import plain_forward
from tests.models.cases import make_generator, make_layout, make_supports

CASES = pytest.mark.parametrize("case", ["ipose", "ipose-wide"])


@CASES
@torch.no_grad()
def test_the_plain_form_gives_the_same_picture(case: str) -> None:
    generator = make_generator(case)
    layout = make_layout(generator, size=generator.image_size)
    style = generator.sample_style(layout, seeds=range(3))
    expected = plain_forward(generator, layout, style)
    torch.testing.assert_close(generator(layout, style), expected, atol=1e-4, rtol=1e-4)
    fused = generator.fuse()
    torch.testing.assert_close(fused(layout, style), expected, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(fused.run(fused.prepare(layout), style), expected, atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_parts_are_part_of_the_synthesis() -> None:
    generator = make_generator("ipose")
    layout = make_layout(generator)
    style = generator.sample_style(layout, seeds=range(3))
    synthesis = generator.synthesize(layout, style)
    assert torch.equal(synthesis.image, generator(layout, style))
    parts = synthesis["parts"]
    assert parts.part_map.shape == (3, 64, 64) and parts.part_logits.shape == (3, 4, 64, 64)
    assert parts.part_ids.shape == (len(layout.objects), 64, 64)
    without = layout.objects.categories == 8
    assert without.any() and (parts.part_ids[without] == -1).all()
    with pytest.raises(InputError, match="finds no 'parts'; it finds nothing"):
        other = make_generator("spade")
        _ = other.synthesize(make_layout(other))["parts"]


@torch.no_grad()
def test_an_edited_part_map_changes_the_picture_of_its_object_most() -> None:
    generator = make_generator("ipose")
    layout = make_layout(generator, 1)
    style = generator.sample_style(layout, seeds=[0])
    first = generator.synthesize(layout, style)
    index = int(first["parts"].owners.max())
    wanted = layout.objects.silhouettes[index].long()
    wanted[32:] *= 2
    edited = replace(layout, objects=layout.objects.with_part_maps({index: wanted}))
    second = generator.synthesize(edited, style)
    change = (second.image - first.image).abs().sum(1)
    inside = first["parts"].owners == index
    assert change[inside].mean() > 2 * change[~inside].mean()


@torch.no_grad()
def test_without_objects_or_supports_noise_paints_everything() -> None:
    generator = make_generator("ipose")
    layout = make_layout(generator)
    style = generator.sample_style(layout, seeds=range(3))
    bare = replace(layout, objects=Objects.none(layout.size))
    empty = generator(bare, style)
    assert not torch.equal(empty, generator(layout, style))
    unsupported = replace(layout, objects=layout.objects[layout.objects.categories == 8])
    assert torch.equal(generator(unsupported, style), empty)
    untaught = replace(generator.config, num_supported=0).build().eval()
    state = {k: t for k, t in generator.state_dict().items() if ".supports." not in k}
    untaught.load_state_dict(state | {k: t for k, t in untaught.state_dict().items() if ".supports." in k})
    torch.testing.assert_close(untaught(layout, style), empty)


@torch.no_grad()
def test_other_sizes_than_its_own() -> None:
    generator = make_generator("ipose")
    layout = make_layout(generator, size=(96, 32))
    style = generator.sample_style(layout, seeds=range(3), size=(96, 32))
    assert style["parts"].table.shape == (3, 3, 3, 1)
    assert generator(layout, style, size=(96, 32)).shape == (3, 3, 96, 32)
    assert generator(layout, size=(96, 32)).shape == (3, 3, 96, 32)


def test_attaching_supports() -> None:
    config = IPOSEConfig(num_classes=5, image_size=(32, 32), width=1, hidden=4, part_widths=(4, 4, 4, 6), num_parts=4)
    generator = config.build()
    assert generator.attach("supports", make_supports()) is generator
    assert (generator.config.num_supported, generator.config.num_supports) == (2, 3)
    twin = generator.config.build()
    twin.load_state_dict(generator.state_dict())
    assert torch.equal(twin.conditioner.supports.categories, torch.tensor([7, 9]))
    with pytest.raises(InputError, match="hold part 4, but the network has parts 0 to 3"):
        generator.attach("supports", PartSupports.of({1: torch.full((3, 64, 64), 4)}))
    with pytest.raises(InputError, match="takes no 'supports'; what can be attached to it: none"):
        make_generator("oasis").attach("supports", make_supports())


def test_a_generator_knows_what_it_still_lacks(tmp_path: Path) -> None:
    config = IPOSEConfig(num_classes=5, image_size=(32, 32), width=1, hidden=4, part_widths=(4, 4, 4, 6), num_parts=4)
    generator = config.build()
    assert generator.lacks() == ("supports",) and make_generator("oasis").lacks() == ()
    write_supports(tmp_path, make_supports())
    generator.attach("supports", tmp_path)
    assert generator.lacks() == () and (generator.config.num_supported, generator.config.num_supports) == (2, 3)
    expected = make_generator("ipose").conditioner.supports
    assert torch.equal(generator.conditioner.supports.categories, expected.categories)
    with pytest.raises(InputTypeError, match="supports must be a path or PartSupports, found list"):
        generator.attach("supports", [1])


def test_half_precision_leaves_part_net_as_it_is() -> None:
    generator = make_generator("ipose").to(torch.bfloat16)
    assert next(generator.parameters()).dtype == torch.bfloat16
    assert generator.conditioner.scene.part_net.to_logit.weight.dtype == torch.float32
    layout = make_layout(generator)
    with torch.no_grad():
        image = generator(layout, generator.sample_style(layout, seeds=range(3)))
    assert image.dtype == torch.bfloat16 and image.isfinite().all()


def test_configs_that_make_no_sense() -> None:
    with pytest.raises(InputError, match="part_widths must have four entries"):
        IPOSEConfig(num_classes=5, image_size=(32, 32), width=1, part_widths=(4, 4, 6)).build()
    with pytest.raises(InputError, match="multiples of 32"):
        IPOSEConfig(num_classes=5, image_size=(40, 32), width=1).build()


def test_every_block_has_the_modulation_in_front() -> None:
    generator = make_generator("ipose")
    assert all(isinstance(stage.norm_p, PartModulation) for stage in generator.painter.stages)
    assert Layout.of(torch.zeros(4, 4).long(), space=5, objects=Objects.none((4, 4)), requires=generator.requires)


class Exported(nn.Module):
    """Part features and their mask, inferred beforehand, and codes in, picture out."""

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, maps: dict[str, Tensor], codes: dict[str, Tensor]) -> Tensor:
        full = Condition(class_ids=maps["class_ids"], parts=Parts(features=maps["features"], mask=maps["mask"]))
        prepared = Prepared(tuple(full.resized(size) for size in self.generator.sizes()))
        return self.generator.run(prepared, self.generator.style(**codes))


@pytest.mark.slow
def test_it_exports_from_the_inferred_parts_on() -> None:
    generator = make_generator("ipose")
    layout = make_layout(generator, 2)
    style = generator.sample_style(layout, seeds=[1, 2])
    with torch.no_grad():
        parts = generator.prepare(layout).conditions[-1].parts
    maps = {"class_ids": layout.class_ids, "features": parts.features, "mask": parts.mask}
    codes = {"noise": style["noise"].table[:, 0], "parts": style["parts"].table}
    program = torch.export.export(Exported(generator), (maps, codes))
    with torch.no_grad():
        torch.testing.assert_close(program.module()(maps, codes), generator(layout, style), rtol=1e-4, atol=1e-5)
