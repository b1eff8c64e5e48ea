"""What can be trained."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from torch import Tensor, nn

from semsyn.errors import InputError


class Run(Protocol):
    """Networks that go forward by a step at a time, such as `semsyn.train.training.Training`."""

    @property
    def step(self) -> int:
        """How many steps were done."""
        ...

    @property
    def steps(self) -> int:
        """Of the whole run; known once there are pictures."""
        ...

    def begin(self, given: Mapping[str, Path]) -> None:
        """Finish new networks with what the run starts with."""
        ...

    def load(self, folder: Path, split: str, count: int) -> Any:
        """What there is to learn from, or to look at."""
        ...

    def learn_from(self, pictures: Any) -> Iterator[Mapping[str, Tensor]]:
        """The steps that are left: the losses of each."""
        ...

    def show(self, pictures: Any, unseen: Any, path: Path) -> nn.Module | None:
        """Write what there is to see so far, to files of this name; the network that can be measured, if there is
        one."""
        ...

    def finished(self, pictures: Any) -> nn.Module:
        """The trained network."""
        ...

    def state(self) -> dict[str, Any]:
        """What a later start needs."""
        ...

    def resume(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""
        ...


@runtime_checkable
class Witness(Protocol):
    """A run that can tell what its last step learnt from."""

    def evidence(self) -> dict[str, Any]:
        """Plain tensors, names and numbers, such as `torch.load` reads with ``weights_only=True``."""
        ...


def check_given(needs: Mapping[str, str], given: Mapping[str, Path]) -> None:
    """Raise InputError, naming them, unless a run was given all that its recipe needs."""
    if missing := [f"{name} ({about})" for name, about in needs.items() if name not in given]:
        raise InputError(f"the recipe starts with {', '.join(missing)}: give it.")
