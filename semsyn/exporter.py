"""A generator as one file that runs without semsyn: plain tensors in, picture out."""

import copy
import io
import json
import logging
import os
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from inspect import Parameter, Signature
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn

from semsyn.convert.files import as_path
from semsyn.data.io.whole_file import whole_file
from semsyn.errors import InputError, InputTypeError, MissingExtraError, SemsynError, UnknownNameError
from semsyn.generator.generator import Generator
from semsyn.hub.save import card_of, check_free
from semsyn.hub.weights_file import describe_file
from semsyn.records.layout import Layout

if TYPE_CHECKING:  # half a second that other commands need not wait
    from torch.export import ExportedProgram

__all__ = ["FORMATS", "Format", "describe_inputs", "export", "find_format"]

Format = Literal["onnx", "torch"]
FORMATS: dict[Format, str] = {"onnx": ".onnx", "torch": ".pt2"}
METADATA_FILE = "semsyn.json"  # in a .pt2 file

MAPS = {
    "class_ids": "n h w",
    "instance_ids": "n h w",
    "edges": "n h w",
    "offsets": "n 2 h w",
    "planes": "n p h w",
}
DTYPES = {"class_ids": torch.int64, "instance_ids": torch.int64, "edges": torch.bool}  # all others: float32
MAX_ONNX_BYTES = 2**31 - 2**24  # of the weights; the graph needs the rest of the 2 GB that protobuf allows

Size = tuple[int, int]


class Exported(nn.Module):
    """A generator as a function of tensors, all given by name.

    Args:
        generator: is called.
        names: of the tensors: fields of `Layout`, and codes.
    """

    def __init__(self, generator: Generator, names: Iterable[str]) -> None:
        super().__init__()
        self.generator = generator

        def forward(**given: Tensor) -> Tensor:
            return self._paint(given)

        parameters = [Parameter(name, Parameter.KEYWORD_ONLY) for name in names]
        forward.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
        self.forward = forward

    def _paint(self, given: Mapping[str, Tensor]) -> Tensor:
        layout = Layout(**{name: t for name, t in given.items() if name in MAPS})  # type: ignore[arg-type]
        style = self.generator.style(**{name: t for name, t in given.items() if name not in MAPS})
        return self.generator(layout, style.to(dtype=self.generator.dtype), size=layout.size).float()


def export(
    generator: Generator,
    path: str | os.PathLike[str],
    format: Format | None = None,
    *,
    size: Size | None = None,
    overwrite: bool = False,
) -> Path:
    """Write a generator as a graph, with the weights in it, that other programs run.

    The graph takes the tensors that `describe_inputs` names and gives ``image``, n 3 h w in [-1, 1]. It holds the
    inference form of a copy on the CPU (see `Generator.fuse`), without the encoder; the generator stays as it is. The
    file's metadata says what it is: name, family, config, label space, licence, inputs.

    Args:
        generator: built, loaded or converted; in any mode, fused or not, on any device.
        path: ends in ``.onnx`` or ``.pt2``.
        format: ``onnx`` (for ONNX Runtime and others) or ``torch`` (for `torch.export.load`); None: by the suffix.
        size: (h, w) of the pictures, and of the maps. None: free where the generator starts from the label map (both
            sides multiples of ``generator.painter.multiple``, from twice that), else ``generator.image_size``. The
            batch is free in any case.
        overwrite: replace the file if it exists.

    Returns:
        the path.

    Raises:
        UnknownNameError: for another format.
        InputTypeError: if it is no generator.
        InputError: if path and format do not fit each other, the file exists or cannot be written, the size does not
            fit, the weights are too large for an ONNX file, the generator reads more than maps and codes (iPOSE), or a
            layer of it cannot be traced.
        MissingExtraError: if the packages that write ONNX files are missing.
    """
    if not isinstance(generator, Generator):
        raise InputTypeError(
            f"export takes a generator, found {type(generator).__name__}: load_pretrained makes one of a name or file."
        )
    target = as_path(path)
    format = find_format(target, format)
    check_free([target], overwrite)
    description = _describe(generator, size)
    if format == "onnx":
        _check_onnx(generator)
    with whole_file(target) as part, _quiet():
        program = _trace(generator, size)
        content = _to_onnx(program, description) if format == "onnx" else _to_archive(program, description)
        part.write_bytes(content)  # torch's own writer ends the process when the disk is full
    return target


def describe_inputs(generator: Generator, size: Size | None = None) -> dict[str, str]:
    """Names and shapes of the tensors that the exported generator takes, in their order.

    Args:
        generator: any.
        size: as for `export`.

    Returns:
        shapes as in einops, such as ``{"class_ids": "n h w", "start": "n 256"}``: n images, i instances (as many as the
        codes given), h and w the picture's. class_ids and instance_ids are int64, edges bool, all others float32.

    Raises:
        InputError: if the size does not fit, or the generator reads more than maps and codes.
    """
    if others := [name for name in generator.requires if name not in MAPS]:
        raise InputError(
            f"this generator reads {', '.join(others)}, of which every scene has another number: it cannot be exported."
        )
    brings = generator.conditioner.brings
    required = generator.requires if brings is None else brings
    shapes = {name: shape for name, shape in MAPS.items() if name == "class_ids" or name in required}
    if "planes" in shapes:
        shapes["planes"] = f"n {generator.config.count_planes()} h w"
    if (fixed := _fixed_size(generator, size)) is not None:
        sides = dict(zip("hw", map(str, fixed), strict=True))
        shapes = {name: " ".join(sides.get(axis, axis) for axis in shape.split()) for name, shape in shapes.items()}
    codes = generator.codes if brings is None else generator.painter.codes
    return shapes | {spec.name: spec.axes() for spec in codes}


def _fixed_size(generator: Generator, size: Size | None) -> Size | None:
    """(h, w) of the pictures; None: free."""
    if generator.has_free_size:
        if size is not None:
            generator.sizes(size)
        return size
    if size not in (None, generator.image_size):
        h, w = generator.image_size
        raise InputError(f"this generator starts from a code, so it makes pictures of {h} x {w} only; leave size out.")
    return generator.image_size


def find_format(path: Path, format: str | None) -> Format:
    """The format of a file, by its suffix.

    Raises:
        UnknownNameError: for another format than those there are.
        InputError: if the suffix tells none, or another one than ``format``.
    """
    if format is not None and format not in FORMATS:
        raise UnknownNameError("format", format, list(FORMATS))
    suffixes = {known: suffix for known, suffix in FORMATS.items() if format in (None, known)}
    for known, suffix in suffixes.items():
        if path.suffix == suffix:
            return known
    raise InputError(f"{path} must end in {' or '.join(suffixes.values())}.")


def _check_onnx(generator: Generator) -> None:
    for package in ("onnx", "onnxscript"):
        if find_spec(package) is None:
            raise MissingExtraError(package, "export")
    size = sum(p.numel() * p.element_size() for p in generator.parameters())
    if size > MAX_ONNX_BYTES:
        raise InputError(
            f"the weights take {size / 1e9:.1f} GB, and an ONNX file holds 2 GB: use format='torch', or half precision."
        )


def _describe(generator: Generator, size: Size | None) -> dict[str, Any]:
    """The metadata of the file, as plain values."""
    try:
        installed = version("semsyn")
    except PackageNotFoundError:
        installed = "unknown"
    shapes = describe_inputs(generator, size)
    inputs = {name: {"shape": shape, "dtype": _dtype_name(name)} for name, shape in shapes.items()}
    about = describe_file(generator, card_of(generator))
    return {
        "semsyn": installed,
        **{key: value for key, value in about.items() if key != "format"},
        "inputs": inputs,
        "multiple": generator.painter.multiple,
    }


def _dtype_name(name: str) -> str:
    return str(DTYPES.get(name, torch.float32)).removeprefix("torch.")


def _trace(generator: Generator, size: Size | None) -> "ExportedProgram":
    from torch.export import Dim

    network = copy.deepcopy(generator).cpu().fuse()
    network.encoder = None
    multiple = generator.painter.multiple
    rows, columns = Dim("rows", min=2), Dim("columns", min=2)  # torch takes sizes of one for another case
    free = {"n": Dim("n", min=1), "i": Dim("i", min=1), "h": multiple * rows, "w": multiple * columns}
    example = {"n": 2, "i": 3, "h": 2 * multiple, "w": 3 * multiple}
    inputs, dims = {}, {}
    for name, shape in describe_inputs(generator, size).items():
        axes = shape.split()
        inputs[name] = torch.zeros([example.get(a) or int(a) for a in axes], dtype=DTYPES.get(name, torch.float32))
        dims[name] = {i: free[a] for i, a in enumerate(axes) if a in free}
    try:
        with torch.no_grad():
            program = torch.export.export(Exported(network, inputs), (), inputs, dynamic_shapes=dims, strict=False)
    except SemsynError:
        raise
    except Exception as error:  # whatever a layer of the user's own does
        reason = f"{type(error).__name__}: {str(error).strip()}".split("\n")[0].rstrip(".")
        raise InputError(
            f"this generator cannot be exported: {reason}. Its layers must not turn tensors or free sizes into Python "
            "numbers; size= fixes the sizes."
        ) from error
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)  # paths of this machine
    return program


def _to_archive(program: "ExportedProgram", description: Mapping[str, Any]) -> memoryview:
    content = io.BytesIO()
    torch.export.save(program, content, extra_files={METADATA_FILE: json.dumps(description)})
    return content.getbuffer()


def _to_onnx(program: "ExportedProgram", description: Mapping[str, Any]) -> bytes:
    from onnx_ir.passes.common import ClearMetadataAndDocStringPass

    inputs = description["inputs"]
    axes = {
        name: {i: axis for i, axis in enumerate(about["shape"].split()) if not axis.isdecimal()}
        for name, about in inputs.items()
    }
    written = torch.onnx.export(
        program, dynamo=True, dynamic_shapes=axes, input_names=list(inputs), output_names=["image"], verbose=False
    )
    assert written is not None
    ClearMetadataAndDocStringPass()(written.model)  # paths of this machine
    written.model.metadata_props.update(
        {key: value if isinstance(value, str) else json.dumps(value) for key, value in description.items()}
    )
    content: bytes = written.model_proto.SerializeToString()
    return content


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what torch says about itself while it exports."""
    logger = logging.getLogger("torch.onnx._internal.exporter._registration")  # torchvision's absence
    level = logger.level
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            logger.setLevel(level)
