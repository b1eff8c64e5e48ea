"""What is exported gives the pictures of the generator; torch and ONNX Runtime are asked, not the exporter."""

import copy
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from PIL import Image
from torch import Tensor

import semsyn
from semsyn import Generator, describe_inputs, export
from semsyn.errors import InputError, InputTypeError, MissingExtraError, SemsynError, UnknownNameError
from semsyn.nn.stems import ToImage
from semsyn.records.layout import Layout
from semsyn.records.style import Style
from tests.hub.models import SPACE
from tests.models.cases import make_generator, make_layout

ROOT = Path(__file__).parents[1]
NO_CLASS = 5

# What the graph takes; every free-size case has sides that differ, and batches from one.
CASES = {
    "spade-edges": {"class_ids": "n h w", "edges": "n h w"},
    "clade-icpe": {"class_ids": "n h w", "edges": "n h w", "offsets": "n 2 h w"},
    "oasis": {"class_ids": "n h w", "noise": "n 6"},
    "scgan": {"class_ids": "n h w"},
    "inade": {"class_ids": "n 64 64", "instance_ids": "n 64 64", "start": "n 6", "instances": "n i 2 4"},
}
TORCH_CASES = {
    "clade-icpe": CASES["clade-icpe"],
    "scgan-vae": {"class_ids": "n 64 64", "start": "n 6"},
    "inade-sketch": {**CASES["inade"], "planes": "n 1 64 64"},
}
WHOLE = ("inade",)  # the others with three of their blocks: tracing free sizes takes seconds per block
TYPES = {"class_ids": "tensor(int64)", "instance_ids": "tensor(int64)", "edges": "tensor(bool)"}


def make_case(case: str) -> Generator:
    generator = make_generator(case)
    if case not in WHOLE:
        painter = generator.painter
        narrowing = [stage.norm_s is not None for stage in painter.stages].index(True)
        painter.stages = painter.stages[narrowing - 1 : narrowing + 2]
        painter.scales = (1, 8, painter.scales[-1])
        painter.to_image = ToImage(painter.stages[-1].conv_1.out_channels)
    return generator.eval()


def read_scenes(generator: Generator, names: tuple[str, ...], size: tuple[int, int]) -> Layout:
    """Drawn scenes with their objects, as five classes and "no class"."""
    paths = [(ROOT / "examples" / "maps" / f"{name}.png", f"instances/{name}.png") for name in names]
    label_maps = np.stack([np.asarray(Image.open(path)) for path, _ in paths]) % (NO_CLASS + 1)
    instance_maps = np.stack([np.asarray(Image.open(path.parent / file)) for path, file in paths])
    planes = torch.from_numpy(label_maps[:, None] / NO_CLASS).float() if "planes" in generator.requires else None
    return Layout.of(
        label_maps, instance_maps.astype(np.int64), space=5, size=size, requires=generator.requires, planes=planes
    )


def make_layouts(generator: Generator) -> list[Layout]:
    m = generator.painter.multiple
    sizes = [(2 * m, 4 * m), (3 * m, 2 * m), (2 * m, 2 * m)] if generator.has_free_size else [generator.image_size] * 3
    return [
        make_layout(generator, 3, sizes[0]),
        read_scenes(generator, ("street", "coast"), sizes[1]),
        read_scenes(generator, ("village",), sizes[2]),
    ]


def make_inputs(generator: Generator, layout: Layout, style: Style) -> dict[str, Tensor]:
    maps = {name: getattr(layout, name) for name in describe_inputs(generator) if name not in style}
    return maps | {name: codes.table[:, 0] if codes.per == "image" else codes.table for name, codes in style.items()}


def paint(generator: Generator, layout: Layout, style: Style) -> Tensor:
    with torch.no_grad():
        return generator(layout, style, size=layout.size)


def check_pictures(generator: Generator, run: Callable[[dict[str, Tensor]], Tensor]) -> None:
    for layout in make_layouts(generator):
        assert (layout.class_ids == NO_CLASS).any()
        style = generator.sample_style(layout, seeds=range(len(layout)))
        expected = paint(generator, layout, style)
        assert expected.std() > 0.05
        found = run(make_inputs(generator, layout, style))
        assert found.dtype == torch.float32
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-4)


def read_metadata(path: Path) -> dict[str, str]:
    return onnxruntime.InferenceSession(path).get_modelmeta().custom_metadata_map


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_onnx_runtime_gives_the_pictures_of_the_generator(case: str, tmp_path: Path) -> None:
    generator = make_case(case)
    path = export(generator, tmp_path / "a.onnx")
    session = onnxruntime.InferenceSession(path)
    taken = {i.name: (" ".join(map(str, i.shape)), i.type) for i in session.get_inputs()}
    assert taken == {name: (shape, TYPES.get(name, "tensor(float)")) for name, shape in CASES[case].items()}
    assert [o.name for o in session.get_outputs()] == ["image"]
    check_pictures(
        generator,
        lambda inputs: torch.from_numpy(session.run(["image"], {k: t.numpy() for k, t in inputs.items()})[0]),
    )


@pytest.mark.slow
@pytest.mark.parametrize("case", TORCH_CASES)
def test_torch_gives_the_pictures_of_the_generator(case: str, tmp_path: Path) -> None:
    generator = make_case(case)
    assert describe_inputs(generator) == TORCH_CASES[case]
    program = torch.export.load(export(generator, tmp_path / "a.pt2")).module()
    check_pictures(generator, lambda inputs: program(**inputs))


@pytest.fixture(scope="module")
def clade() -> Generator:
    return make_case("clade")


def test_a_fixed_size(clade: Generator, tmp_path: Path) -> None:
    session = onnxruntime.InferenceSession(export(clade, tmp_path / "a.onnx", size=(32, 64)))
    assert session.get_inputs()[0].shape == ["n", 32, 64]
    layout = make_layout(clade, 2, (32, 64))
    (found,) = session.run(None, {"class_ids": layout.class_ids.numpy()})
    torch.testing.assert_close(torch.from_numpy(found), paint(clade, layout, Style({})), rtol=0, atol=1e-4)


@pytest.mark.parametrize("mode", ["training", "fused", "half"])
def test_the_generator_may_be_in_any_form_and_keeps_it(mode: str, clade: Generator, tmp_path: Path) -> None:
    generator = copy.deepcopy(clade)
    generator = {"training": generator.train, "fused": generator.fuse, "half": generator.half}[mode]()
    before = {key: tensor.clone() for key, tensor in generator.state_dict().items()}
    layout = make_layout(generator, 2)
    program = torch.export.load(semsyn.export(generator, tmp_path / "a.pt2", size=layout.size)).module()
    found = program(class_ids=layout.class_ids)
    assert found.dtype == torch.float32
    atol = 1e-4 if mode != "half" else 40 * torch.finfo(torch.float16).eps
    torch.testing.assert_close(found, paint(clade, layout, Style({})), rtol=0, atol=atol)
    assert (generator.training, generator.is_fused) == (mode == "training", mode == "fused")
    assert before.keys() == generator.state_dict().keys()
    assert all(torch.equal(before[key], tensor) for key, tensor in generator.state_dict().items())


def test_the_encoder_stays_behind(tmp_path: Path) -> None:
    generator = make_generator("clade-vae")
    program = torch.export.load(export(generator, tmp_path / "a.pt2"))
    assert generator.encoder is not None
    assert program.state_dict
    assert not [key for key in program.state_dict if "encoder" in key]


def test_the_file_says_what_it_is(clade: Generator, tmp_path: Path) -> None:
    generator = copy.deepcopy(clade)
    generator.label_space = SPACE
    generator.card = semsyn.hub.Card(name="clade/mine", config=generator.config, license="CC-BY-NC-4.0")
    onnx, torch_file = (export(generator, tmp_path / name, size=(64, 96)) for name in ("a.onnx", "a.pt2"))
    extra = {"semsyn.json": ""}
    torch.export.load(torch_file, extra_files=extra)
    about = json.loads(extra["semsyn.json"])
    found = read_metadata(onnx)
    assert found == {key: value if isinstance(value, str) else json.dumps(value) for key, value in about.items()}
    assert about["name"] == "clade/mine"
    assert about["family"] == "clade"
    assert about["license"] == "CC-BY-NC-4.0"
    assert about["config"]["num_classes"] == 5
    assert about["label_space"]["classes"] == list(SPACE.classes)
    assert about["inputs"] == {"class_ids": {"shape": "n 64 96", "dtype": "int64"}}
    assert about["multiple"] == 32
    assert "semsyn" in about
    for path in (onnx, torch_file):
        assert str(ROOT).encode() not in path.read_bytes(), "paths of this machine"


def test_an_existing_file_is_kept(clade: Generator, tmp_path: Path) -> None:
    path = tmp_path / "a.pt2"
    path.write_bytes(b"mine")
    with pytest.raises(InputError, match=r"a\.pt2 exists and was kept; pass overwrite=True"):
        export(clade, path, size=(32, 32))
    assert path.read_bytes() == b"mine"
    assert export(clade, path, size=(32, 32), overwrite=True) == path
    assert torch.export.load(path)
    assert list(tmp_path.iterdir()) == [path], "nothing is left beside it"


class Peeking(torch.nn.Module):
    """Looks at values, which a graph cannot."""

    def forward(self, x: Tensor) -> Tensor:
        return x if float(x.mean()) > 0 else -x


def test_a_layer_that_cannot_be_traced_is_named(clade: Generator, tmp_path: Path) -> None:
    generator = copy.deepcopy(clade)
    generator.painter.stages[0].norm_0.norm = Peeking()
    with pytest.raises(InputError, match="cannot be exported: .* must not turn tensors or free sizes into Python"):
        export(generator, tmp_path / "a.pt2", size=(32, 32))
    assert not list(tmp_path.iterdir())


WRONG: dict[str, tuple[dict[str, object], type[SemsynError], str]] = {
    "format": ({"format": "onx"}, UnknownNameError, "unknown format 'onx'; did you mean onnx"),
    "suffix": ({"path": "a.bin"}, InputError, r"a\.bin must end in \.onnx or \.pt2"),
    "suffix of the other": ({"path": "a.pt2", "format": "onnx"}, InputError, r"a\.pt2 must end in \.onnx\."),
    "no generator": ({"generator": "clade/toyscenes"}, InputTypeError, "takes a generator, found str: load_pretrained"),
    "size that does not fit": ({"size": (30, 64)}, InputError, "multiples of 32; the nearest size is 32 x 64"),
    "no folder": ({"path": "file/a.onnx", "size": (32, 32)}, InputError, r"a\.onnx cannot be written"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_requests(case: str, clade: Generator, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    changes, error, message = WRONG[case]
    given = {"generator": clade, "path": "a.onnx", **changes}
    given["path"] = tmp_path / str(given["path"])
    with pytest.raises(error, match=message):
        export(**given)  # type: ignore[arg-type]


def test_a_generator_that_starts_from_a_code_has_one_size(tmp_path: Path) -> None:
    generator = make_generator("inade")
    with pytest.raises(InputError, match="pictures of 64 x 64 only; leave size out"):
        export(generator, tmp_path / "a.onnx", size=(96, 64))
    assert describe_inputs(generator, (64, 64)) == describe_inputs(generator) == CASES["inade"]


def test_objects_are_no_input_of_a_graph(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="reads objects, of which every scene has another number"):
        export(make_generator("ipose"), tmp_path / "a.pt2")


def test_weights_that_an_onnx_file_cannot_hold(clade: Generator, tmp_path: Path) -> None:
    with torch.device("meta"):
        generator = semsyn.create("clade/ade20k", width=192)
    with pytest.raises(InputError, match=r"take \d\.\d GB, and an ONNX file holds 2 GB: use format='torch'"):
        export(generator, tmp_path / "a.onnx")


@pytest.mark.parametrize("package", ["onnx", "onnxscript"])
def test_missing_packages_are_named(
    package: str, clade: Generator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)  # as if it were not installed
    with pytest.raises(MissingExtraError, match=rf"'{package}': pip install 'semsyn\[export\]'"):
        export(clade, tmp_path / "a.onnx")


def test_a_config_of_no_family_is_refused(clade: Generator, tmp_path: Path) -> None:
    generator = copy.deepcopy(clade)
    generator.config = replace  # anything else
    with pytest.raises(InputError, match="not the config of a family"):
        export(generator, tmp_path / "a.pt2")


FULL = """
import resource, signal, sys
from semsyn import create
from semsyn.errors import InputError
from semsyn.exporter import export
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
generator = create("clade/toyscenes", width=1, image_size=(32, 32)).eval()
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    export(generator, sys.argv[1], size=(32, 32))
except InputError as error:
    print(error)
"""


def test_a_full_disk_does_not_end_the_process(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"\xff.pt2")  # and a name that is no text
    done = subprocess.run([sys.executable, "-c", FULL, path], capture_output=True, text=True, errors="replace")
    assert done.returncode == 0 and "cannot be written" in done.stdout, done.stderr
    assert list(tmp_path.iterdir()) == []
