import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from semsyn.cli.shard import Shard
from semsyn.errors import InputError

ROOT = Path(__file__).parents[2]


def test_the_environment_of_a_process() -> None:
    assert Shard.of_environment({}) == Shard(rank=0, world_size=1, local_rank=0, can_meet=False)
    alone = {"RANK": "5", "WORLD_SIZE": "8"}
    assert Shard.of_environment(alone) == Shard(5, 8, 5, can_meet=False)
    torchrun = {**alone, "LOCAL_RANK": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "1"}
    assert Shard.of_environment(torchrun) == Shard(5, 8, 1, can_meet=True)
    single = {**torchrun, "RANK": "0", "WORLD_SIZE": "1"}
    assert not Shard.of_environment(single).can_meet


@pytest.mark.parametrize("values", [("8", "8"), ("-1", "8"), ("", "8"), ("1", ""), ("a", "8"), ("0", "0")])
def test_an_environment_that_makes_no_sense(values: tuple[str, str]) -> None:
    with pytest.raises(InputError, match="do not go together"):
        Shard.of_environment(dict(zip(("RANK", "WORLD_SIZE"), values, strict=True)))


def test_every_item_has_one_process() -> None:
    parts = [Shard(rank, 3).take(range(8)) for rank in range(3)]
    assert parts == [[0, 3, 6], [1, 4, 7], [2, 5]]
    assert Shard(9, 10).take([1]) == []


def test_ranks_alone_share_the_maps_out(
    clade: Path, maps: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, semsyn: Callable
) -> None:
    out = tmp_path / "out"
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    assert semsyn("generate", clade, maps, "--out", out) == (0, "", "")
    assert [path.name for path in out.iterdir()] == ["scene1.png"]
    monkeypatch.setenv("RANK", "0")
    text = semsyn("generate", clade, maps, "--out", out).out
    assert text.startswith(f"2 pictures of 64x64 in {out}\n") and "passed over" not in text
    assert sorted(path.name for path in out.iterdir()) == ["scene0.png", "scene1.png", "scene2.png"]
    code, _, err = semsyn("generate", clade, maps, "--out", tmp_path / "other", "--sheet")
    assert code == 2
    assert "use torchrun" in err


def start_ranks(*argv: object) -> list[subprocess.CompletedProcess[str]]:
    """Two processes with the environment that torchrun gives them."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1"}
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "semsyn", *map(str, argv)],
            env={**os.environ, **shared, "PYTHONPATH": str(ROOT), "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    outputs = [process.communicate() for process in running]
    return [subprocess.CompletedProcess(p.args, p.returncode, *o) for p, o in zip(running, outputs, strict=True)]


@pytest.mark.slow
def test_torchrun_gives_what_one_process_gives(clade: Path, maps: Path, tmp_path: Path, semsyn: Callable) -> None:
    assert semsyn("generate", clade, maps, "--out", tmp_path / "one", "--sheet").code == 0
    first, second = start_ranks("generate", clade, maps, "--out", tmp_path / "two", "--sheet")
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert first.stdout.startswith(f"3 pictures of 64x64 in {tmp_path / 'two'}\n")
    assert second.stdout == ""
    made = {path.name: path.read_bytes() for path in (tmp_path / "two").iterdir()}
    assert made == {path.name: path.read_bytes() for path in (tmp_path / "one").iterdir()}
    assert sorted(made) == ["scene0.png", "scene1.png", "scene2.png", "sheet.png"]


@pytest.mark.slow
def test_one_process_that_refuses_stops_all(clade: Path, maps: Path, tmp_path: Path) -> None:
    (maps / "scene1.png").write_text("no picture")  # of the second process
    results = start_ranks("generate", clade, maps, "--out", tmp_path / "out")
    assert [result.returncode for result in results] == [2, 2]
    assert "another process of this job has failed" in results[0].stderr
    assert "scene1.png is not a picture" in results[1].stderr
    assert list((tmp_path / "out").iterdir()) == []
