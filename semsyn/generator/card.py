"""What is known of a set of weights."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from semsyn.errors import InputError
from semsyn.generator.config import Config


@dataclass(frozen=True, kw_only=True)
class Original:
    """The authors' own files.

    Attributes:
        files: file name by role (``generator``, ``encoder``), as in the authors' archive.
        folder: the folder of the archive that holds them.
        hosted: where the authors keep the archive, in words.
        confirmed: False where the authors' code knows such files, but nobody confirmed that they are public.
    """

    files: Mapping[str, str] = field(hash=False)
    folder: str
    hosted: str
    confirmed: bool = True


@dataclass(frozen=True)
class Origin:
    """A file that weights were made from, and the SHA-256 of its content."""

    file: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Card:
    """One set of weights, or one preset without any.

    Attributes:
        name: ``family/dataset[-variant]``.
        config: the family's config; it says everything that shapes the network.
        label_space: name of the label space that the class ids belong to; None: not known.
        license: SPDX identifier of the weights' licence; ``unknown`` where the authors state none.
        code_license: of the authors' own code, for weights whose licence is not stated.
        non_commercial: the licence forbids commercial use; said once when the weights are loaded.
        paper: URL.
        homepage: the project's page, where its authors say how to get the files.
        original: the authors' files, for weights that they released.
        weights: file in ``semsyn/hub/weights``, for weights that come with semsyn.
        resources: files or folders there that are attached to these weights, by the names of resources.
        notes: one or two sentences on what to know.
        origin: the files that loaded weights were made from.

    Raises:
        InputError: if the name does not begin with the family of the config.
    """

    name: str
    config: Config
    label_space: str | None = None
    license: str = "unknown"
    code_license: str = ""
    non_commercial: bool = False
    paper: str = ""
    homepage: str = ""
    original: Original | None = None
    weights: str | None = None
    resources: Mapping[str, str] = field(default_factory=dict, hash=False)
    notes: str = ""
    origin: tuple[Origin, ...] = ()

    def __post_init__(self) -> None:
        if self.name.partition("/")[0] != self.family:
            raise InputError(f"card {self.name!r} has a config of family {self.family!r}; name it '{self.family}/…'.")

    @property
    def family(self) -> str:
        """Name of the family, the first part of ``name``."""
        return self.config.family

    @property
    def status(self) -> str:
        """What one can do: ``bundled`` (load it by name), ``released`` (bring the authors' file), ``unconfirmed`` (the
        same, for those who have such a file) or ``untrained`` (`semsyn.create` only)."""
        if self.weights is not None:
            return "bundled"
        if self.original is None:
            return "untrained"
        return "released" if self.original.confirmed else "unconfirmed"

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        original = None if self.original is None else asdict(self.original)
        return {
            "name": self.name,
            "family": self.family,
            "status": self.status,
            "config": self.config.to_dict(),
            "label_space": self.label_space,
            "license": self.license,
            "code_license": self.code_license,
            "non_commercial": self.non_commercial,
            "paper": self.paper,
            "homepage": self.homepage,
            "original": original,
            "weights": self.weights,
            "resources": dict(self.resources),
            "notes": self.notes,
            "origin": [asdict(origin) for origin in self.origin],
        }
