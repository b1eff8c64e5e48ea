"""What attacks change is right as it is; layers make nothing of nothing, and say so of pictures without pixels."""

import pytest
import torch
from torch import Tensor, nn

from semsyn.errors import SemsynError
from semsyn.testing.attack.arguments import ODD_VALUES
from semsyn.testing.attack.subjects import calls, constructors, functions

SUBJECTS = {**functions(), **constructors(), **{f"{name}()": subject for name, subject in calls().items()}}


@pytest.mark.parametrize("name", SUBJECTS)
def test_arguments_that_fit_are_taken(name: str) -> None:
    function, make = SUBJECTS[name]
    arguments = make()
    positional = [arguments.pop("")] if "" in arguments else []
    function(*positional, **arguments)


@pytest.mark.parametrize("name", [name for name, (_, make) in calls().items() if "layout" not in make()])
@pytest.mark.parametrize("training", [False, True])
def test_empty_batches_give_empty_results(name: str, training: bool) -> None:
    layer, make = calls()[name]
    assert isinstance(layer, nn.Module)

    def none_of(value: object) -> object:
        return value[:0] if isinstance(value, Tensor) else value and value.map_tensors(lambda t: t[:0])  # type: ignore

    arguments = {key: none_of(value) for key, value in make().items()}
    positional = [arguments.pop("")] if "" in arguments else []
    with torch.no_grad():
        found = layer.train(training)(*positional, **arguments)
    for t in found if isinstance(found, list | tuple) else [found]:
        for one in t if isinstance(t, tuple) else [t]:
            assert one is None or not len(one)


@pytest.mark.parametrize("name", SUBJECTS)
def test_one_odd_value_for_every_argument(name: str) -> None:
    """None is raw: each is taken, or refused by an error of ours."""
    function, make = SUBJECTS[name]
    for argument in make():
        for value in ODD_VALUES[:8] + ODD_VALUES[16:18]:
            arguments = {**make(), argument: value}
            positional = [arguments.pop("")] if "" in arguments else []
            try:
                function(*positional, **arguments)
            except SemsynError as error:
                assert str(error)
