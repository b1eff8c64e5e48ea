"""Every kernel, compiled ahead of time for cards that are not at hand, and what its machine code must (not) contain.

Run as a program, this file prints one JSON report per kernel: tests interpret kernels, and Triton decides between
interpreter and compiler once per process.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

TARGETS = {
    "sm_80": ("cuda", 80, 32),
    "sm_90": ("cuda", 90, 32),
    "sm_100": ("cuda", 100, 32),
    "gfx942": ("hip", "gfx942", 64),
}
ITEMSIZES = {"fp32": 4, "bf16": 2}
CHANNELS, PIXELS, EXPERTS = 64, 256 * 256, 3
LAYOUTS = ("contiguous", "channels-last")

# Arguments by type: of the tensor's dtype, fp32, scalars that are no multiple of 16; the rest are multiples of 16.
ACTIVATIONS = ("x_ptr", "gamma_ptr", "beta_ptr", "y_ptr", "grad_y_ptr", "grad_x_ptr")
ACTIVATIONS += ("routing_ptr", "gamma_bias_ptr", "beta_bias_ptr")
SUMS = ("grad_gamma_ptr", "grad_beta_ptr", "mean_ptr", "rstd_ptr", "means_ptr", "sums_ptr", "deviations_ptr")
SCALARS = {"regions": "i32", "splits": "i32", "negative_slope": "fp32", "eps": "fp32"}


class Variant(NamedTuple):
    """A kernel as a launch specialises it.

    Attributes:
        constants: values of the arguments that are known when it is compiled.
        vectors: 16-byte vectors of a tile's activations and table rows that are read.
        has_statistics: it also reads a few numbers per channel or per pixel, in vectors of any width.
        small_stores: numbers per channel that it writes.
    """

    name: str
    fn: Any
    dtype: str
    constants: dict[str, Any]
    warps: int
    vectors: int
    has_statistics: bool = False
    small_stores: int = 0


def variants() -> Iterator[Variant]:
    for dtype in ITEMSIZES:
        for layout in LAYOUTS:
            yield from plain_variants(dtype, layout)
            if (dtype, layout) != ("fp32", "channels-last"):  # three of four tell; each takes seconds
                yield from normalised_variants(dtype, layout)
                yield mixture_variant(dtype, layout)
    from semsyn.ops.normalized_affine import kernel, launch

    constants = {"channel_stride": 1, "BLOCK_C": launch.COMBINE_CHANNELS, "BLOCK_S": launch.COMBINE_SPLITS}
    combine = kernel.combine_statistics_kernel
    yield Variant("combine", combine, "bf16", constants, launch.COMBINE_WARPS, 0, has_statistics=True, small_stores=2)


def plain_variants(dtype: str, layout: str) -> Iterator[Variant]:
    from semsyn.ops.indexed_affine import kernel, launch

    constants = unit_stride(layout) | dict.fromkeys(("mean_ptr", "rstd_ptr"))
    constants |= {"HAS_STATISTICS": False, "HAS_SLOPE": True}
    tile, vectors = forward_tile(dtype, layout)
    name = f"{dtype}/{layout}"
    yield Variant(f"forward/{name}", kernel.forward_kernel, dtype, constants | tile, launch.FORWARD_WARPS, 3 * vectors)
    tile, vectors = backward_tile(dtype)
    constants |= {"means_ptr": None, "NEEDS_X": True, "NEEDS_TABLES": True, "NEEDS_SUMS": False} | tile
    yield Variant(f"backward/{name}", kernel.backward_kernel, dtype, constants, launch.BACKWARD_WARPS, 4 * vectors)


def normalised_variants(dtype: str, layout: str) -> Iterator[Variant]:
    from semsyn.ops.indexed_affine import kernel, launch
    from semsyn.ops.normalized_affine import kernel as statistics_kernel
    from semsyn.ops.normalized_affine import launch as statistics_launch

    pixel_stride = 1 if layout == "contiguous" else CHANNELS
    block_c, block_p = statistics_launch.statistics_tile(CHANNELS, PIXELS, pixel_stride, ITEMSIZES[dtype])
    constants = unit_stride(layout) | {"BLOCK_C": block_c, "BLOCK_P": block_p}
    vectors = 2 * block_c * block_p * ITEMSIZES[dtype] // 16  # before the loop and in it
    fn, warps = statistics_kernel.partial_statistics_kernel, statistics_launch.WARPS
    name = f"{dtype}/{layout}"
    yield Variant(f"statistics/{name}", fn, dtype, constants, warps, vectors, has_statistics=True, small_stores=2)

    constants = unit_stride(layout) | {"HAS_STATISTICS": True, "HAS_SLOPE": True}
    tile, vectors = forward_tile(dtype, layout)
    fn, warps = kernel.forward_kernel, launch.FORWARD_WARPS
    yield Variant(f"forward-normalised/{name}", fn, dtype, constants | tile, warps, 3 * vectors, has_statistics=True)
    fn = kernel.backward_kernel
    needs = {"NEEDS_X": True, "NEEDS_TABLES": False, "NEEDS_SUMS": False}
    yield Variant(f"backward-x/{name}", fn, dtype, constants | tile | needs, warps, 4 * vectors, has_statistics=True)
    tile, vectors = backward_tile(dtype)
    needs = {"means_ptr": None, "NEEDS_X": False, "NEEDS_TABLES": True, "NEEDS_SUMS": True}
    constants |= tile | needs
    warps = launch.BACKWARD_WARPS
    yield Variant(
        f"backward-sums/{name}", fn, dtype, constants, warps, 4 * vectors, has_statistics=True, small_stores=2
    )


def mixture_variant(dtype: str, layout: str) -> Variant:
    from semsyn.ops.mixture_affine import kernel, launch

    tile, vectors = forward_tile(dtype, layout)
    constants = unit_stride(layout) | tile | {"routing_stride": 1, "EXPERTS": EXPERTS}
    constants |= {"HAS_GAMMA_BIAS": True, "HAS_BETA_BIAS": True, "HAS_SLOPE": True}
    name = f"mixture/{dtype}/{layout}"
    return Variant(name, kernel.forward_kernel, dtype, constants, launch.FORWARD_WARPS, vectors, has_statistics=True)


def unit_stride(layout: str) -> dict[str, Any]:
    return {"pixel_stride" if layout == "contiguous" else "channel_stride": 1}


def forward_tile(dtype: str, layout: str) -> tuple[dict[str, Any], int]:
    """Its constants, and the 16-byte vectors of a tensor in it."""
    from semsyn.ops.indexed_affine import launch

    pixel_stride = 1 if layout == "contiguous" else CHANNELS
    block_c, block_p = launch.forward_tile(CHANNELS, pixel_stride, ITEMSIZES[dtype])
    return {"BLOCK_C": block_c, "BLOCK_P": block_p}, block_c * block_p * ITEMSIZES[dtype] // 16


def backward_tile(dtype: str) -> tuple[dict[str, Any], int]:
    from semsyn.ops.indexed_affine import launch

    block_c, block_p = launch.backward_tile(CHANNELS)
    return {"BLOCK_C": block_c, "BLOCK_P": block_p}, block_c * block_p * ITEMSIZES[dtype] // 16


def build(variant: Variant, target: tuple[str, Any, int]) -> Any:
    """As a launch specialises it where channels and pixels are multiples of 16, which they are in generators."""
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    names, constants = variant.fn.arg_names, variant.constants
    types = (
        {"ids_ptr": "*i64"} | SCALARS | dict.fromkeys(SUMS, "*fp32") | dict.fromkeys(ACTIVATIONS, f"*{variant.dtype}")
    )
    signature = {n: "constexpr" if n in constants else types.get(n, "i32") for n in names}
    aligned = [n for n in names if n not in constants and n not in SCALARS]
    source = ASTSource(
        variant.fn,
        signature,
        {(names.index(n),): value for n, value in constants.items()},
        {(names.index(n),): [["tt.divisibility", 16]] for n in aligned},
    )
    return triton.compile(source, target=GPUTarget(*target), options={"num_warps": variant.warps})


def with_sizes_of_one(variant: Variant) -> Variant:
    """One channel, pixel and region: a launch makes constants of all numbers that are one; no interpreter does."""
    pointers_and_floats = re.compile(r"\w+_ptr|negative_slope|eps")
    ones = {n: 1 for n in variant.fn.arg_names if not pointers_and_floats.fullmatch(n)}
    return variant._replace(constants=ones | variant.constants)


def inspect_nvidia(cubin: bytes, folder: Path) -> dict[str, Any]:
    import triton

    tools = Path(triton.__file__).parent / "backends/nvidia/bin"
    path = folder / "kernel.cubin"
    path.write_bytes(cubin)

    def run(tool: str, *options: str) -> str:
        return subprocess.run([tools / tool, *options, path], check=True, capture_output=True, text=True).stdout

    code, usage = run("nvdisasm", "-c", "-ndf"), run("cuobjdump", "-res-usage")
    stack, local = (int(re.findall(rf"{name}:(\d+)", usage)[-1]) for name in ("STACK", "LOCAL"))
    return {
        "registers": int(re.findall(r"REG:(\d+)", usage)[-1]),
        "spilled": stack + local + len(re.findall(r"\b(?:LDL|STL)\b", code)),
        "loads": re.findall(r"\bLDG[.\w]*", code),
        "wide_loads": len(re.findall(r"\bLDG\.E\.128", code)),
        "stores": re.findall(r"\bSTG[.\w]*", code),
        "narrow_stores": len(re.findall(r"\bSTG(?!\.E\.128)", code)),
        "compare_and_swap": len(re.findall(r"\bATOM\w*\.[.\w]*CAS", code)),
        "adds": len(re.findall(r"\b(?:RED|REDG|ATOM|ATOMG)\.[.\w]*ADD", code)),
    }


def inspect_amd(code: str) -> dict[str, Any]:
    def count(what: str) -> int:
        return sum(int(number) for number in re.findall(rf"\.{what}:\s+(\d+)", code))

    return {
        "registers": count("vgpr_count"),
        "spilled": count("vgpr_spill_count") + count("sgpr_spill_count") + count("private_segment_fixed_size"),
        "loads": re.findall(r"\b(?:global|buffer|flat)_load_\w+", code),
        "wide_loads": len(re.findall(r"\b(?:global|buffer)_load_dwordx4", code)),
        "stores": re.findall(r"\b(?:global|buffer|flat)_store_\w+", code),
        "narrow_stores": len(re.findall(r"\b(?:global|buffer|flat)_store_(?!dwordx4)", code)),
        "compare_and_swap": len(re.findall(r"_atomic_cmpswap", code)),
        "adds": len(re.findall(r"\bglobal_atomic_add_f32", code)),
    }


def report(target: str, folder: Path) -> Iterator[dict[str, Any]]:
    for variant in variants():
        built = build(variant, TARGETS[target])
        machine = inspect_amd(built.asm["amdgcn"]) if target == "gfx942" else inspect_nvidia(built.asm["cubin"], folder)
        narrow = r"arith\.muli[^\n]*: (?:tensor<[\dx]+)?i32|tt\.addptr[^\n]*, (?:tensor<[\dx]+)?i32"
        yield {
            "name": variant.name,
            "expected_wide_loads": variant.vectors // (variant.warps * TARGETS[target][2]),
            "has_statistics": variant.has_statistics,
            "small_stores": variant.small_stores,
            "needs_adds": variant.constants.get("NEEDS_TABLES", False),
            "narrow_addresses": re.findall(narrow, built.asm["ttir"]),
            **machine,
        }


def run_alone(*arguments: str) -> list[dict[str, Any]]:
    """Triton's own cache, keyed by source, target and version, spares a second run the compilation."""
    pytest.importorskip("triton", reason="Triton is for Linux alone")
    environment = os.environ | {"TRITON_INTERPRET": "0", "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, __file__, *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
def test_machine_code(target: str, tmp_path: Path) -> None:
    reports = run_alone(target, str(tmp_path))
    assert len(reports) == 24
    for found in reports:
        assert found["spilled"] == 0, found
        assert found["wide_loads"] >= found["expected_wide_loads"], found  # all of x, tables and grad_y
        assert found["has_statistics"] or found["wide_loads"] == found["expected_wide_loads"], found
        assert found["stores"] and found["narrow_stores"] == found["small_stores"], found
        assert found["compare_and_swap"] == 0, found
        assert (found["adds"] > 0) == found["needs_adds"], found
        assert not found["narrow_addresses"], found


def test_sizes_of_one_compile() -> None:
    assert len(run_alone("ones")) == 8


if __name__ == "__main__":
    if sys.argv[1] == "ones":
        chosen = [v for v in variants() if v.name == "combine" or v.name.endswith("fp32/contiguous")]
        reports = ({"name": v.name, "built": bool(build(with_sizes_of_one(v), TARGETS["sm_90"]))} for v in chosen)
    else:
        reports = report(sys.argv[1], Path(sys.argv[2]))
    for found in reports:
        print(json.dumps(found))
