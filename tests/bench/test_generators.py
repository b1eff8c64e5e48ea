import pytest
import torch
from PIL import Image
from torch.utils.flop_counter import FlopCounterMode

from semsyn.bench.forms import Scene, generator_form
from semsyn.bench.generators import bench_generators
from semsyn.bench.scenes import Case, read_scenes
from semsyn.errors import InputError, UnknownNameError
from semsyn.testing.cases import procedural_layout, untrained

SMALL = {"width": 2, "image_size": (32, 32), "rounds": 2}


def test_names_of_cases():
    assert Case.of("clade/ade20k-icpe") == Case("clade/ade20k-icpe", "clade/ade20k-icpe")
    assert Case.of("inade/celeba-encoder") == Case("inade/celeba-encoder", "inade/celeba", is_encoder=True)
    assert Case.of("spade/ade20k-vae@8") == Case("spade/ade20k-vae@8", "spade/ade20k-vae", styles=8)
    with pytest.raises(InputError, match="number of styles"):
        Case.of("spade/ade20k@many")


def test_a_row_per_dtype_and_backend_with_the_error():
    backends = ("plain", "eager", "fused", "floor")
    rows = list(bench_generators(["clade/coco"], backends, dtypes=(torch.float32, torch.bfloat16), batch=2, **SMALL))
    assert [(r.dtype, r.backend) for r in rows] == [(d, b) for d in ("float32", "bfloat16") for b in backends]
    for row in rows:
        assert (row.case, row.mode, row.device, row.batch, row.rounds) == ("clade/coco", "forward", "cpu", 2, 2)
        assert 0 < row.p20 <= row.median <= row.p80
        assert row.peak_bytes > 0
    errors = {(r.dtype, r.backend): r.max_error for r in rows}
    assert errors["float32", "plain"] == 0 and 0 < errors["float32", "fused"] < 2e-4
    assert errors["bfloat16", "fused"] > 1e-3
    assert errors["float32", "floor"] is None


def test_the_encoder_and_several_styles():
    (encoder,) = bench_generators(["inade/celeba-encoder"], ["eager"], **SMALL)
    assert encoder.max_error < 2e-4
    fused, floor = bench_generators(["clvae/gta5-encoder"], ["fused", "floor"], **SMALL | {"image_size": (64, 64)})
    assert fused.max_error < 2e-4 and floor.median > 0
    each, once = bench_generators(["spade/facades-vae@3"], ["eager", "fused-once"], **SMALL)
    assert each.max_error < 2e-4 and once.max_error < 2e-4


def test_painting_over_a_canvas():
    rows = list(bench_generators(["sims/cityscapes"], ["eager", "fused", "floor"], **SMALL | {"image_size": (64, 64)}))
    assert [row.backend for row in rows] == ["eager", "fused", "floor"]
    assert all(row.max_error < 2e-4 for row in rows[:2]) and rows[2].median > 0


def test_maps_of_a_folder_are_read_and_resized(tmp_path):
    generator = untrained("clade/ade20k", width=2, image_size=(32, 32))
    for i in range(3):
        Image.new("L", (40, 50), color=i + 1).save(tmp_path / f"{i}.png")
    scenes = read_scenes(Case.of("clade/ade20k"), generator, tmp_path, 2)
    assert [scene.layout.class_ids.shape for scene in scenes] == [(2, 32, 32)] * 2
    assert [scene.layout.class_ids[:, 0, 0].tolist() for scene in scenes] == [[1, 1], [2, 3]]
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no picture"):
        read_scenes(Case.of("clade/ade20k"), generator, tmp_path / "empty", 1)


def test_a_wrong_picture_is_not_timed(monkeypatch):
    monkeypatch.setattr("semsyn.bench.forms.plain_forward", lambda generator, layout, style: generator(layout) * 0.99)
    with pytest.raises(InputError, match="'eager' in torch.float32 gives another result than 'plain'"):
        list(bench_generators(["clade/ade20k"], ["eager"], **SMALL))


def test_unknown_names_are_refused():
    with pytest.raises(UnknownNameError, match="did you mean fused"):
        list(bench_generators(["clade/ade20k"], ["fuse"], **SMALL))
    with pytest.raises(InputError, match="prepares nothing"):
        list(bench_generators(["inade/celeba-encoder"], ["fused-once"], **SMALL))


@pytest.mark.parametrize(("card", "size"), [("spade/ade20k", (256, 256)), ("inade/ade20k", (256, 256))])
def test_the_floor_is_the_main_path(card, size):
    """All of its multiplications, counted from the widths of the stages."""
    width = 8
    generator = untrained(card, width=width, image_size=size)
    layout = procedural_layout(generator, [0])
    form = generator_form("floor", generator, torch.float32)
    with FlopCounterMode(display=False) as counter:
        form(Scene(layout, (generator.sample_style(layout, seeds=[0]),)))
    widths = [m * width for m in (16, 16, 16, 16, 8, 4, 2, 1)]
    sides = (8, 16, 16, 32, 64, 128, 256)
    expected = widths[-1] * 3 * 9 * 256**2
    for a, b, side in zip(widths, widths[1:], sides, strict=False):
        middle = min(a, b)
        expected += (9 * a * middle + 9 * middle * b + (a * b if a != b else 0)) * side**2
    expected += widths[0] * 64 * (256 if card.startswith("inade") else 151 * 9)
    assert counter.get_total_flops() == 2 * expected


@pytest.mark.slow
def test_the_compiled_form():
    (row,) = bench_generators(["clade/ade20k"], ["compiled"], **SMALL)
    assert row.max_error < 2e-4


@pytest.mark.slow
def test_scenes_with_objects_and_without(tmp_path):
    case, generator = Case.of("ipose/ade20k"), untrained("ipose/ade20k", width=1, image_size=(64, 64))
    Image.new("L", (40, 50), color=3).save(tmp_path / "map.png")
    (drawn, *_), (given,) = read_scenes(case, generator, None, 2), read_scenes(case, generator, tmp_path, 1)
    assert len(drawn.layout.objects) and not len(given.layout.objects)
    assert (generator.conditioner.infer(drawn.layout).part_map > 0).any(), "there are support maps for them"
    rows = list(bench_generators(["ipose/ade20k"], ["eager", "fused", "floor"], **SMALL))
    assert all(row.max_error is None or row.max_error < 2e-4 for row in rows)
