"""Several processes that train together are as one with the whole batch; and none waits for one that is gone."""

import os
import signal
import socket
import time
from multiprocessing import get_context
from pathlib import Path

import pytest
import torch
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard, register_fsdp_forward_method
from torch.distributed.tensor import DTensor

from semsyn.errors import InputError
from semsyn.train import Batch, train_step
from semsyn.train.world import World
from tests.models.cases import make_layout
from tests.train.test_pieces import TERMS, draw
from tests.train.test_step import make

# Where features are compared, L1 has a kink at 0 that single precision passes on either side.
CASES = {
    "oasis": ("oasis", torch.float32, {}),
    "inade-without-features": ("inade-encoder", torch.float32, {"terms": TERMS, "features": 0.0}),
    "inade": ("inade-encoder", torch.float64, {"terms": TERMS}),
}
SPAWN = get_context("spawn")


def make_world(rank: int, size: int, port: int) -> World:
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "RANK": str(rank), "WORLD_SIZE": str(size)}
    torch.set_num_threads(1)
    return World.of_environment()


def run_step(case: str, world: World, *, is_sharded: bool = False) -> dict[str, torch.Tensor]:
    """Losses, gradients and weights after a step with this process' part of four pictures."""
    family, dtype, options = CASES[case]
    torch.set_default_dtype(dtype)
    try:
        torch.manual_seed(0)
        nets, _ = make(family, **options)
        nets.world = world
        if is_sharded:
            shard(nets)
        layout = make_layout(nets.generator, size=nets.generator.image_size, n=4)
        real = torch.rand(4, 3, *layout.size, generator=torch.Generator().manual_seed(1)) * 2 - 1
        batch, draws = draw(nets, Batch(layout=layout, real=real), list(world.rows(4)), is_shared=False, paired=3)
        losses = train_step(nets, batch, draws)
        if is_sharded:
            nets.generator.reshard()  # which a forward leaves undone
    finally:
        torch.set_default_dtype(torch.float32)
    networks = torch.nn.ModuleList([nets.generator, nets.objective])
    grads = {f"grad of {n}": p.grad for n, p in networks.named_parameters() if p.grad is not None}
    found = {**losses, **grads, **networks.state_dict()}
    return {name: value.full_tensor() if isinstance(value, DTensor) else value for name, value in found.items()}


def shard(nets) -> None:
    """As docs/training.md says."""
    generator = nets.generator
    for module in (*generator.painter.stages, generator):
        fully_shard(module, mesh=init_device_mesh("cpu", (nets.world.size,)))
        module.set_gradient_divide_factor(1.0)
        module.set_force_sum_reduction_for_comms(True)
    register_fsdp_forward_method(generator, "synthesize")
    nets.optimizers = (torch.optim.SGD(generator.parameters(), 1e-2), nets.optimizers[1])


def work(rank: int, port: int, folder: Path) -> None:
    world = make_world(rank, 2, port)
    with world.together():
        found = {case: run_step(case, world) for case in CASES}
        found["sharded"] = run_step("oasis", world, is_sharded=True)
        world.wait()
    torch.save(found, folder / f"{rank}.pt")


def find_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def start(target, *arguments):
    processes = [SPAWN.Process(target=target, args=(rank, *arguments), daemon=True) for rank in range(2)]
    for process in processes:
        process.start()
    return processes


@pytest.mark.slow
def test_two_processes_are_one(tmp_path):
    processes = start(work, find_port(), tmp_path)
    wanted = {case: run_step(case, World()) for case in CASES}
    wanted["sharded"] = wanted["oasis"]
    for process in processes:
        process.join()
        assert process.exitcode == 0
    found = [torch.load(tmp_path / f"{rank}.pt") for rank in range(2)]
    for case, values in wanted.items():
        for name, value in values.items():
            where = f"{case}: {name}"
            torch.testing.assert_close(found[0][case][name], found[1][case][name], rtol=0, atol=0, msg=where)
            torch.testing.assert_close(
                found[0][case][name], value, atol=1e-5, rtol=1e-4, msg=lambda m, w=where: f"{w} {m}"
            )


def work_until_alone(rank: int, port: int, folder: Path) -> None:
    world = make_world(rank, 2, port)
    try:
        with world.together():
            (folder / f"{rank}.pid").write_text(str(os.getpid()))
            while True:
                world.sum([torch.ones(1000)])
    except InputError as error:
        (folder / f"{rank}.txt").write_text(str(error))


@pytest.mark.slow
def test_a_process_that_dies_stops_the_others(tmp_path):
    processes = start(work_until_alone, find_port(), tmp_path)
    while not (tmp_path / "1.pid").exists():
        time.sleep(0.1)
    time.sleep(0.5)
    os.kill(processes[1].pid, signal.SIGKILL)
    begun = time.monotonic()
    processes[0].join(60)
    assert processes[0].exitcode == 0, "it still waits"
    assert time.monotonic() - begun < 60
    assert "process 0 stopped, since another of the 2 failed or hung" in (tmp_path / "0.txt").read_text()


def test_what_torchrun_says():
    assert World.of_environment({}) == World()
    assert World.of_environment({"RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1"}) == World(3, 4, 1)
    for wrong in ({"RANK": "4", "WORLD_SIZE": "4"}, {"RANK": "x", "WORLD_SIZE": "4"}, {"RANK": "1"}):
        with pytest.raises(InputError, match="do not go together"):
            World.of_environment(wrong)


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_every_row_has_one_process(size):
    rows = [list(World(rank, size).rows(7)) for rank in range(size)]
    assert [row for part in rows for row in part] == list(range(7)) and min(map(len, rows)) >= 7 // size
