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
from typing import Any

import pytest

TARGETS = {
    "sm_80": ("cuda", 80, 32),
    "sm_90": ("cuda", 90, 32),
    "sm_100": ("cuda", 100, 32),
    "gfx942": ("hip", "gfx942", 64),
}
ITEMSIZES = {"fp32": 4, "bf16": 2}
CHANNELS = 64
LAYOUTS = ("contiguous", "channels-last")


def kernels() -> Iterator[tuple[str, Any, dict[str, str], dict[str, Any], int, int]]:
    """Name, kernel, types of the arguments that are tensors, constants, warps, 16-byte vectors of a tile's tensors."""
    from semsyn.ops.indexed_affine import kernel, launch

    for dtype, itemsize in ITEMSIZES.items():
        for layout in LAYOUTS:
            stride = {"pixel_stride" if layout == "contiguous" else "channel_stride": 1}
            block_c, block_p = launch.forward_tile(CHANNELS, 1 if layout == "contiguous" else CHANNELS, itemsize)
            types = {"ids_ptr": "*i64"} | dict.fromkeys(("x_ptr", "gamma_ptr", "beta_ptr", "y_ptr"), f"*{dtype}")
            constants = stride | {"HAS_SLOPE": True, "BLOCK_C": block_c, "BLOCK_P": block_p}
            vectors = 3 * block_c * block_p * itemsize // 16
            name = f"forward/{dtype}/{layout}"
            yield name, kernel.forward_kernel, types, constants, launch.FORWARD_WARPS, vectors

            block_c, block_p = launch.backward_tile(CHANNELS)
            types = {"ids_ptr": "*i64"} | dict.fromkeys(("grad_gamma_ptr", "grad_beta_ptr"), "*fp32")
            types |= dict.fromkeys(("grad_y_ptr", "x_ptr", "gamma_ptr", "beta_ptr", "grad_x_ptr"), f"*{dtype}")
            constants = stride | {"HAS_SLOPE": True, "NEEDS_X": True, "NEEDS_TABLES": True}
            constants |= {"BLOCK_C": block_c, "BLOCK_P": block_p}
            vectors = 4 * block_c * block_p * itemsize // 16
            name = f"backward/{dtype}/{layout}"
            yield name, kernel.backward_kernel, types, constants, launch.BACKWARD_WARPS, vectors


def build(fn: Any, types: dict[str, str], constants: dict[str, Any], target: tuple[str, Any, int], warps: int) -> Any:
    """As a launch specialises it where channels and pixels are multiples of 16, which they are in generators."""
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    names = fn.arg_names
    plain = {"regions": "i32", "negative_slope": "fp32"}
    signature = {n: "constexpr" if n in constants else types.get(n) or plain.get(n, "i32") for n in names}
    aligned = [n for n in names if n not in constants and n not in plain]
    source = ASTSource(
        fn,
        signature,
        {(names.index(n),): value for n, value in constants.items()},
        {(names.index(n),): [["tt.divisibility", 16]] for n in aligned},
    )
    return triton.compile(source, target=GPUTarget(*target), options={"num_warps": warps})


def inspect_nvidia(cubin: bytes, folder: Path) -> dict[str, Any]:
    import triton

    tools = Path(triton.__file__).parent / "backends/nvidia/bin"
    path = folder / "kernel.cubin"
    path.write_bytes(cubin)

    def run(tool: str, option: str) -> str:
        return subprocess.run([tools / tool, option, path], check=True, capture_output=True, text=True).stdout

    code, usage = run("nvdisasm", "-c"), run("cuobjdump", "-res-usage")
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
    for name, fn, types, constants, warps, vectors in kernels():
        built = build(fn, types, constants, TARGETS[target], warps)
        machine = inspect_amd(built.asm["amdgcn"]) if target == "gfx942" else inspect_nvidia(built.asm["cubin"], folder)
        narrow = r"arith\.muli[^\n]*: (?:tensor<[\dx]+)?i32|tt\.addptr[^\n]*, (?:tensor<[\dx]+)?i32"
        yield {
            "name": name,
            "expected_wide_loads": vectors // (warps * TARGETS[target][2]),
            "narrow_addresses": re.findall(narrow, built.asm["ttir"]),
            **machine,
        }


@pytest.mark.parametrize("target", TARGETS)
def test_machine_code(target: str, tmp_path: Path) -> None:
    pytest.importorskip("triton", reason="Triton is for Linux alone")
    root = str(Path(__file__).parents[2])
    environment = os.environ | {"TRITON_CACHE_DIR": str(tmp_path), "TRITON_INTERPRET": "0", "PYTHONPATH": root}
    command = [sys.executable, __file__, target, str(tmp_path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    reports = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(reports) == 8
    for found in reports:
        assert found["spilled"] == 0, found
        assert found["wide_loads"] == found["expected_wide_loads"], found  # all of x, tables and grad_y
        assert found["stores"] and found["narrow_stores"] == 0, found
        assert found["compare_and_swap"] == 0, found
        assert (found["adds"] > 0) == found["name"].startswith("backward"), found
        assert not found["narrow_addresses"], found


if __name__ == "__main__":
    for found in report(sys.argv[1], Path(sys.argv[2])):
        print(json.dumps(found))
