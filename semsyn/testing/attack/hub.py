"""A Hub on loopback that lies, fails and gives out something else, and a cache that somebody changed."""

import os
import random
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from semsyn.errors import HubError
from semsyn.hub.files import fetch
from semsyn.hub.load import load_pretrained
from semsyn.hub.save import WEIGHTS_NAME
from semsyn.testing.attack.attempt import Attack, WrongAnswer
from semsyn.testing.loopback_hub import LoopbackHub, loopback_hub

REPO = "me/net"
CONTENT = b"weights" * 99
PATHS = (
    "..",
    "../..",
    "../../../../escaped",
    "{here}/escaped",
    "a/b",
    "a\\b",
    ".",
    "",
    "x" * 300,
    "con",
    "a b",
    "~",
    "%2e%2e",
)
NAMES = ("config.json", WEIGHTS_NAME)


def odd_revision(rng: random.Random, folder: Path) -> None:
    """Revisions that are paths, or no names at all."""
    steps = (
        "..",
        "/",
        "\0",
        "a",
        "main",
        "refs",
        "\n",
        " ",
        "x" * 120,
        ".lock",
        "-",
        "\udcff",
        "@{",
        "~1",
        "^",
        ":",
        "*",
        "\\",
    )
    revision = "".join(rng.choices(steps, k=rng.randint(1, 5)))
    with _hub(folder) as hub:
        hub.add(REPO, dict.fromkeys(NAMES, CONTENT))
        try:
            fetch(
                REPO,
                rng.choice(NAMES),
                revision=revision,
                cache_dir=folder / "cache",
                local_files_only=rng.random() < 0.3,
            )
        except HubError:  # a name that can be one, and is none here
            return
        finally:
            _check_inside(folder)


def odd_file(rng: random.Random, folder: Path) -> None:
    """File names and repository names that lead elsewhere."""
    name = rng.choice(PATHS).format(here=folder)
    with _hub(folder) as hub:
        hub.add(REPO, dict.fromkeys(NAMES, CONTENT))
        try:
            if rng.random() < 0.5:
                fetch(REPO, name, cache_dir=folder / "cache")
            else:
                fetch(name, WEIGHTS_NAME, cache_dir=folder / "cache")
        finally:
            _check_inside(folder)


def lying_hub(rng: random.Random, folder: Path) -> None:
    """Commits and tags that are paths, in answers about files that are there or not."""
    with _hub(folder) as hub:
        hub.add(REPO, dict.fromkeys(NAMES, CONTENT))
        for header in rng.sample(("X-Repo-Commit", "X-Linked-Etag", "ETag"), rng.randint(1, 3)):
            path = rng.choice(PATHS).format(here=folder)
            hub.lies[header] = rng.choice((path, f'"{path}"', f'W/"{path}"', "0" * 39, "G" * 40, "a" * 41)) or '""'
        try:
            fetch(REPO, rng.choice((*NAMES, "absent")), cache_dir=folder / "cache", force_download=rng.random() < 0.3)
        except HubError:
            return
        finally:
            _check_inside(folder)


def other_content(rng: random.Random, folder: Path) -> None:
    """The storage gives out something else than was promised: too short, too long, changed."""
    with _hub(folder) as hub:
        hub.add(REPO, {WEIGHTS_NAME: CONTENT})
        fetch(REPO, WEIGHTS_NAME, cache_dir=folder / "first")
        hub.lies = {"X-Linked-Etag": f"{rng.getrandbits(256):064x}"}
        if rng.random() < 0.5:
            hub.lies["X-Linked-Size"] = str(rng.choice((0, 1, len(CONTENT) - 1, len(CONTENT) + 1, 10**12)))
        fetch(REPO, WEIGHTS_NAME, cache_dir=folder / "cache")
        raise WrongAnswer("another file than the promised one was taken")


def changed_cache(rng: random.Random, folder: Path) -> None:
    """A byte in the cache has changed, or the end is gone: noticed, and mended when asked."""
    with _hub(folder) as hub:
        hub.add(REPO, dict.fromkeys(NAMES, CONTENT))
        name, cache = rng.choice(NAMES), folder / "cache"
        path = fetch(REPO, name, cache_dir=cache)
        content = bytearray(CONTENT)
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        path.resolve().write_bytes(content if rng.random() < 0.7 else content[: rng.randrange(len(content))])
        try:
            fetch(REPO, name, cache_dir=cache, local_files_only=rng.random() < 0.5)
        except HubError:
            if fetch(REPO, name, cache_dir=cache, force_download=True).read_bytes() != CONTENT:
                raise WrongAnswer("the file was not downloaded anew") from None
            return
        raise WrongAnswer("a damaged file was taken")


def failing_hub(rng: random.Random, folder: Path) -> None:
    """Answers that are errors: each is one of ours, and the Hub is not asked again and again."""
    with _hub(folder) as hub:
        hub.add(REPO, dict.fromkeys(NAMES, CONTENT))
        status = rng.choice((400, 401, 403, 404, 405, 409, 410, 418, 429, 451, 499))
        hub.status, hub.storage_status = rng.choice(((status, None), (None, status), (None, 503), (None, 500)))
        try:
            load_pretrained(REPO, cache_dir=folder / "cache", token=False)
        finally:
            if len(hub.requests) > 6:
                raise WrongAnswer(f"the Hub was asked {len(hub.requests)} times")


@contextmanager
def _hub(folder: Path) -> Iterator[LoopbackHub]:
    """A Hub, and an environment in which the client asks it and knows no account."""
    from huggingface_hub import constants

    (folder / "kept").write_text("kept")
    switches = {"HF_HUB_DISABLE_XET": True, "HF_HUB_DISABLE_PROGRESS_BARS": True, "HF_TOKEN_PATH": str(folder / "none")}
    before = {name: getattr(constants, name) for name in switches}
    endpoint = os.environ.get("HF_ENDPOINT")
    with loopback_hub() as hub, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        os.environ["HF_ENDPOINT"] = hub.url
        try:
            for name, value in switches.items():
                setattr(constants, name, value)
            yield hub
        finally:
            for name, value in before.items():
                setattr(constants, name, value)
            if endpoint is None:
                del os.environ["HF_ENDPOINT"]
            else:
                os.environ["HF_ENDPOINT"] = endpoint


def _check_inside(folder: Path) -> None:
    """Nothing stands beside the cache, and what the cache holds has names of its own."""
    if others := sorted(path.name for path in folder.iterdir() if path.name not in ("kept", "cache")):
        raise WrongAnswer(f"{others[0]} was written beside the cache")
    if (folder / "kept").read_text() != "kept":
        raise WrongAnswer("a file was overwritten")
    cache = folder / "cache"
    known = (".locks", "CACHEDIR.TAG", "version.txt", ".gitignore", f"models--{REPO.replace('/', '--')}")
    if cache.is_dir() and (others := sorted(path.name for path in cache.iterdir() if path.name not in known)):
        raise WrongAnswer(f"{others[0]} was written into the cache")


ATTACKS: tuple[Attack, ...] = (odd_revision, odd_file, lying_hub, other_content, changed_cache, failing_hub)
