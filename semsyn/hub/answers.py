"""What a Hub answers is looked at before the client uses it: it names files by what the answers say."""

import hashlib
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from semsyn.errors import HubError

__all__ = ["check_content", "is_commit", "patience", "watched"]

_HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
COMMIT, LINKED, ETAG = "X-Repo-Commit", "X-Linked-Etag", "ETag"
PATIENCE = 3.5  # seconds
FEW, SOON = 2, 9.0  # so many requests for one thing within so many seconds, no more


@dataclass
class _Watch:
    """One call of ours, and when it asked for what."""

    asked: dict[str, list[float]] = field(default_factory=dict)


_WATCH: ContextVar[_Watch | None] = ContextVar("semsyn_hub_watch", default=None)


@contextmanager
def watched() -> Iterator[None]:
    """Within it, answers of this thread are checked, and the client does not ask on and on.

    Raises:
        HubError: if a commit or a file's tag is no hash, which could be the path of a file elsewhere; or if the Hub
            does not give a file out when it is asked twice.
    """
    from huggingface_hub import get_session

    session = get_session()
    hooks = session.event_hooks
    if _check_answer not in hooks["response"]:  # they do nothing outside
        session.event_hooks = {
            "request": [*hooks["request"], _check_request],
            "response": [*hooks["response"], _check_answer],
        }
    token = _WATCH.set(_Watch())
    try:
        yield
    finally:
        _WATCH.reset(token)


def patience(name: str) -> float:
    """How many seconds to wait for an answer: what the client's own variable says, where it is set."""
    try:
        return float(os.environ[name])
    except (KeyError, ValueError):
        return PATIENCE


def is_commit(revision: str | None) -> bool:
    """Whether it is a full commit hash, of which there is one content for ever."""
    return revision is not None and _HASH.fullmatch(revision) is not None


def check_content(path: Path) -> None:
    """Compare a file of the cache with the hash that the cache calls it by.

    Raises:
        HubError: if it is another; the message says how to get the file anew.
    """
    if not path.is_symlink():  # caches without links do not know
        return
    blob = path.parent / os.readlink(path)
    algorithm = {40: "sha1", 64: "sha256"}.get(len(blob.name))
    if algorithm is None or not _HASH.fullmatch(blob.name):
        return
    digest = hashlib.new(algorithm, b"blob %d\0" % blob.stat().st_size if algorithm == "sha1" else b"")
    with open(blob, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    if digest.hexdigest() != blob.name:
        raise HubError(
            f"{blob} is damaged: its content does not have the hash that is its name. Delete it, or pass "
            "force_download=True, and it is downloaded anew."
        )


def _check_request(request: Any) -> None:
    watch = _WATCH.get()
    if watch is None or request.method != "GET":
        return
    now, url = time.monotonic(), str(request.url)
    asked = watch.asked.setdefault(url, [])
    if len([at for at in asked if now - at < SOON]) >= FEW:
        raise HubError(f"{request.url.host} does not give the file out, though asked {FEW} times. Try again later.")
    asked.append(now)
    seconds = patience("HF_HUB_DOWNLOAD_TIMEOUT")
    request.extensions["timeout"] = dict.fromkeys(("connect", "read", "write", "pool"), seconds)


def _check_answer(response: Any) -> None:
    if _WATCH.get() is None:
        return
    host, status, method = response.request.url.host, response.status_code, response.request.method
    if method == "GET" and (status in (408, 429) or status >= 500):  # the client would ask five times more
        raise HubError(f"{host} answered {status} and does not give the file out. Try again later.")
    commit = response.headers.get(COMMIT)
    if method != "HEAD" or commit is None:
        return
    names = {COMMIT: commit}
    tag = response.headers.get(LINKED) or response.headers.get(ETAG)
    is_followed = 300 <= status < 400 and not urlsplit(response.headers.get("Location", "")).netloc
    if tag is not None and status < 400 and not is_followed:  # else the tag is of the answer itself, and not used
        names[ETAG] = tag.removeprefix("W/").strip('"')
    for header, name in names.items():
        if not _HASH.fullmatch(name):
            raise HubError(
                f"{host} sent {name[:80]!r} as {header}, which is no hash. It is no Hub that can be trusted: nothing "
                "was downloaded. Check HF_ENDPOINT."
            )
