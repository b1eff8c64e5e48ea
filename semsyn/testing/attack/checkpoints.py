"""Weights, and the options beside them, from strangers: damaged, odd, hostile."""

import io
import os
import pickle
import random
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save as save_safetensors
from torch import Tensor

from semsyn.convert.checkpoint import read_states
from semsyn.generator.generator import Generator
from semsyn.hub.convert_checkpoint import convert_checkpoint
from semsyn.hub.save import save_pretrained
from semsyn.hub.weights_file import load_weights_file
from semsyn.models import FAMILIES
from semsyn.testing.attack.attempt import Attack, WrongAnswer
from semsyn.testing.attack.small import small_card, small_generator, small_state

State = dict[str, Tensor]
ODD_KEYS = (
    "",
    ".",
    "a" * 100_000,
    "_" * 50_000,
    "-" * 50_000,
    "up_0." * 9_000,
    "a\0b",
    "\udcff",
    "\x1b[31m",
    "é",
    "..",
)
ODD_TEXTS = (
    "-" * 60_000,
    " " * 60_000,
    "[default: " * 6_000,
    "a:" * 30_000,
    "a: b\n" * 9_000,
    "\t" * 9_000,
    ":\n" * 9_000,
)
ODD_VALUES = (
    "0",
    "-1",
    "inf",
    "nan",
    "1e400",
    "9" * 5_000,
    "9" * 25,
    "True",
    "None",
    "",
    "[]",
    "0x10",
    "1_0",
    "¼",
    "\0",
)
ODD_YAML = (
    "a: !!python/object/apply:os.system [exit]",
    "!!python/name:os.system a",
    "a: !!binary x",
    "a: &a [*a]",
    "&a {*a : *a}",
    "? [a]\n: b",
    "[" * 4_000,
    "{a: " * 4_000,
    "a: 2026-99-99",
    "a: !!timestamp x",
    "a: !!float x\nb: !!int ''",
    "a: .inf\nngf: .nan",
    "- a",
    "",
    "\t",
    "%YAML 9.9\n---",
    "a: 1:2:3:4:5\n" * 900,
)


def odd_state(rng: random.Random, folder: Path) -> None:
    """A state with entries that are missing, too many, of other shapes or kinds, tied, or strangely named."""
    family = rng.choice(sorted(FAMILIES))
    state = small_state(family)
    for _ in range(rng.randint(1, 3)):
        rng.choice((_lose, _add, _reshape, _retype, _tie, _rename, _replace))(rng, state)
    _convert(family, state, rng, folder)


def tied_state(rng: random.Random, folder: Path) -> None:
    """Equal tensors that share their memory mean what they mean apart, and can be saved."""
    family = rng.choice(sorted(FAMILIES))
    state = small_state(family)
    alike: dict[object, list[str]] = {}
    for key, tensor in state.items():
        alike.setdefault((tensor.shape, tensor.dtype), []).append(key)
    tied = {key: state[rng.choice(alike[tensor.shape, tensor.dtype])] for key, tensor in state.items()}
    generator = _convert(family, tied, rng, folder)
    expected = _convert(family, {key: tensor.clone() for key, tensor in tied.items()}, rng, folder)
    path = save_pretrained(generator, folder / "tied.safetensors")
    for found in (generator, load_weights_file(path)):
        _compare(found, expected)


def odd_tensor(rng: random.Random, folder: Path) -> None:
    """A file whose tensors are sparse, quantised, strided over nothing, of a class of their own, or nested."""
    path, state = folder / "a.pth", small_state("spade")
    key = rng.choice(sorted(state))
    n = rng.choice((0, 1, 10**6, 10**9, 10**12))
    makers: tuple[Callable[[], Any], ...] = (
        lambda: torch.zeros(1).expand(n),
        lambda: torch.zeros(4).as_strided((2, 2), (1, 1)),
        lambda: torch.eye(3).to_sparse(),
        lambda: torch.eye(3).to_sparse_csr(),
        lambda: torch.quantize_per_tensor(torch.zeros(3), 1.0, 0, torch.quint8),
        lambda: torch.empty(n, device="meta"),
        lambda: torch.nested.nested_tensor([torch.zeros(1), torch.zeros(2)]),
        lambda: torch.nn.Parameter(torch.zeros(2)),
        lambda: torch.zeros(2, dtype=torch.complex64).conj(),
        lambda: torch.zeros(2, dtype=torch.float8_e4m3fn),
        lambda: torch.zeros(0, n),
        lambda: n,
        lambda: "text",
        lambda: None,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        state[key] = rng.choice(makers)()
        torch.save(state, path, _use_new_zipfile_serialization=rng.random() < 0.7)
        convert_checkpoint(path, card=small_card("spade"))


def wrapped_state(rng: random.Random, folder: Path) -> None:
    """Mappings within mappings, deep, wide, or holding each other; and objects that are none of ours."""
    value: Any = {"fc.weight": torch.zeros(2)}
    for _ in range(rng.choice((1, 3, 5, 90, 900))):
        kind = rng.randrange(4)
        value = ({"netG": value}, [value], {"state_dict": value, "epoch": 3}, {rng.randrange(9): value})[kind]
    if rng.random() < 0.3:
        value = {f"k{i}": value for i in range(2_000)}
    path = folder / "a.pth"
    try:
        torch.save(value, path)
    except RecursionError:
        return
    read_states(path)


def damaged_file(rng: random.Random, folder: Path) -> None:
    """A file with bytes changed, cut off, put in, or of another kind."""
    state, buffer = small_state("clade"), io.BytesIO()
    if rng.random() < 0.5:
        content = bytearray(save_safetensors(state, {"semsyn": "{}"} if rng.random() < 0.3 else None))
    else:
        torch.save(state, buffer, _use_new_zipfile_serialization=rng.random() < 0.7)
        content = bytearray(buffer.getvalue())
    places = [rng.randrange(min(len(content), rng.choice((8, 200, 9_000, 10**9)))) for _ in range(rng.randint(1, 8))]
    for at in places:
        content[at] = rng.randrange(256)
    if rng.random() < 0.3:
        del content[rng.randrange(len(content)) :]
    path = folder / rng.choice(("a.pth", "a.safetensors", "latest_net_G.pth", "a"))
    path.write_bytes(content)
    convert_checkpoint(path, card=small_card("clade"))


def hostile_pickle(rng: random.Random, folder: Path) -> None:
    """A pickle that would run something."""
    marker = folder / "ran"
    calls: tuple[tuple[Callable[..., Any], tuple[Any, ...]], ...] = (
        (os.system, (f"touch {marker}",)),
        (eval, (f"open({str(marker)!r}, 'w')",)),
        (exec, (f"open({str(marker)!r}, 'w')",)),
        (os.makedirs, (str(marker),)),
        (Path.touch, (marker,)),
        (__import__, ("this",)),
    )
    call, arguments = rng.choice(calls)
    evil = _Evil(call, arguments)
    value = rng.choice(([evil], {"a": evil}, {"fc.weight": torch.zeros(1), "opt": evil}, evil))
    path = folder / rng.choice(("a.pth", "opt.pkl"))
    if rng.random() < 0.5:
        path.write_bytes(pickle.dumps(value, protocol=rng.randrange(6)))
    else:
        torch.save(value, path, _use_new_zipfile_serialization=rng.random() < 0.5)
    try:
        if path.suffix == ".pkl":
            torch.save(small_state("clade"), folder / "a.pth")
            convert_checkpoint(folder / "a.pth", options=path)
        convert_checkpoint(path)
    finally:
        if marker.exists():
            raise WrongAnswer("the file ran code")
    raise WrongAnswer("a file that holds code was taken")


def archive(rng: random.Random, folder: Path) -> None:
    """Zip files that are no checkpoint: bombs, many entries, entries of other names."""
    path = folder / "a.pth"
    with zipfile.ZipFile(
        path, "w", rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2))
    ) as zipped:
        names = ["a/data.pkl", "a/constants.pkl", "../../escaped", "/escaped", "a/data/0", "a" * 60_000, "a/version"]
        for name in rng.sample(names, rng.randint(1, len(names))):
            zipped.writestr(name, rng.choice((b"", b"x", bytes(10**7), b"(" * 10**5)))
    read_states(path)


def no_file(rng: random.Random, folder: Path) -> None:
    """Pipes, devices, folders, links in circles and names that are none, as checkpoint and as options."""
    os.mkfifo(folder / "pipe")
    (folder / "circle").symlink_to(folder / "circle")
    (folder / "folder").mkdir()
    (folder / "empty").touch()
    odd = rng.choice(
        ("pipe", "circle", "folder", "empty", "gone", "a\0b", "x" * 300, "/dev/zero", "/dev/stdin", "", "\udcff")
    )
    given = folder / odd
    if rng.random() < 0.5:
        convert_checkpoint(given, card=small_card("clade"))
    else:
        torch.save(small_state("clade"), folder / "a.pth")
        convert_checkpoint(folder / "a.pth", options=given)
    raise WrongAnswer(f"{odd!r} was taken for a file")


def options_text(rng: random.Random, folder: Path) -> None:
    """An ``opt.txt`` or a yml beside the weights, with values and lines that nobody wrote."""
    family = rng.choice(sorted(FAMILIES))
    names = sorted(FAMILIES[family].released.options) or ["ngf"]
    torch.save(small_state(family), folder / "latest_net_G.pth")
    if rng.random() < 0.5:
        lines = [f"{rng.choice(names):>25}: {rng.choice(ODD_VALUES):<30}" for _ in range(rng.randint(1, 9))]
        text, name = "\n".join([*lines, *rng.sample(ODD_TEXTS, rng.randint(0, 1))]), "opt.txt"
    else:
        lines = [f"{rng.choice(names)}: {rng.choice(ODD_VALUES)}" for _ in range(rng.randint(0, 9))]
        text, name = "\n".join([*lines, rng.choice(ODD_YAML)]), "a.yml"
    (folder / name).write_bytes(text.encode("utf-8", "surrogatepass"))
    convert_checkpoint(folder / "latest_net_G.pth", options=rng.choice((None, folder / name)))


class _Evil:
    def __init__(self, call: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        self.call, self.arguments = call, arguments

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.call, self.arguments


def _lose(rng: random.Random, state: State) -> None:
    for key in rng.sample(sorted(state), min(len(state), rng.choice((1, 2, 50)))):
        del state[key]


def _add(rng: random.Random, state: State) -> None:
    state[rng.choice(ODD_KEYS)] = torch.zeros(rng.choice(((), (0,), (3, 3))))


def _reshape(rng: random.Random, state: State) -> None:
    if state:
        key = rng.choice(sorted(state))
        state[key] = torch.zeros([rng.choice((0, 1, 2, 3, 64)) for _ in range(rng.randrange(6))])


def _retype(rng: random.Random, state: State) -> None:
    kinds = (torch.int64, torch.bool, torch.uint8, torch.complex64, torch.float16, torch.bfloat16, torch.float64)
    for key in rng.sample(sorted(state), min(len(state), rng.choice((1, 500)))):
        state[key] = state[key].to(rng.choice(kinds))


def _tie(rng: random.Random, state: State) -> None:
    if state:
        key = rng.choice(sorted(state))
        state[rng.choice(sorted(state))] = state[key]


def _rename(rng: random.Random, state: State) -> None:
    if state:
        state[rng.choice(ODD_KEYS)] = state.pop(rng.choice(sorted(state)))


def _replace(rng: random.Random, state: State) -> None:
    for key in state:
        if rng.random() < 0.5 and state[key].is_floating_point():
            state[key].fill_(rng.choice((float("nan"), float("inf"), 0.0, 1e38)))


def _convert(family: str, state: State, rng: random.Random, folder: Path) -> Generator:
    """The state as a generator; one that comes of it can be saved, and is of the right kind throughout."""
    path = folder / "latest_net_G.pth"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.save(state, path)
        generator = convert_checkpoint(path, card=small_card(family) if rng.random() < 0.8 else None).generator
    for key, tensor in small_generator(family).state_dict().items():
        found = generator.state_dict()[key]
        if found.dtype != tensor.dtype:
            raise WrongAnswer(f"{key} is {found.dtype}, not {tensor.dtype}")
    save_pretrained(generator, folder / "saved.safetensors", overwrite=True)
    return generator


def _compare(found: Generator, expected: Generator) -> None:
    for key, tensor in expected.state_dict().items():
        if not torch.equal(found.state_dict()[key], tensor):
            raise WrongAnswer(f"{key} is another")


ATTACKS: tuple[Attack, ...] = (
    odd_state,
    tied_state,
    odd_tensor,
    wrapped_state,
    damaged_file,
    hostile_pickle,
    archive,
    no_file,
    options_text,
)
