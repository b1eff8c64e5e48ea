"""What is measured of a generator while it is trained."""

from collections.abc import Mapping
from typing import Any, Protocol


class Evaluation(Protocol):
    """Measures a generator, such as ``lambda generator, unseen: {"kid": …}``."""

    def __call__(self, network: Any, unseen: Any, /) -> Mapping[str, float]:
        """Figures by name.

        Args:
            network: the averaged generator, in evaluation mode.
            unseen: pictures that are not learnt from.
        """
        ...
