"""Files of Hub repositories, through the huggingface_hub client."""

import os
import re
import time
import warnings
from functools import partial
from pathlib import Path
from typing import Any

from semsyn.errors import HubError, InputError
from semsyn.hub.answers import check_content, is_commit, patience, watched
from semsyn.hub.explain import explained, is_passing, status_of

__all__ = ["fetch", "is_offline", "is_repo_id", "upload"]

_PART = (
    r"(?![.-])(?![^/]*(?:\.\.|--))[\w.-]+(?<![.-])"  # letters, digits, _ . - but no .. and no -- , and no . - at an end
)
_REPO_ID = re.compile(rf"(?=.{{1,96}}$){_PART}/{_PART}", re.ASCII)
# A branch, a tag or a commit as git allows them: of parts that do not begin or end with a dot; no path of the cache
# but one below the folder of its repository.
_STEP = r"(?!\.)[\w.+@=-]+(?<!\.)"
_REVISION = re.compile(rf"(?!.*\.\.)(?!.*\.lock(?:/|$))(?=.{{1,200}}$)(?!-){_STEP}(?:/{_STEP})*", re.ASCII)


def is_repo_id(name: str) -> bool:
    """Tell whether a name can be a repository of the Hub, ``organisation/name``."""
    return _REPO_ID.fullmatch(name) is not None


def is_offline() -> bool:
    """Tell whether the environment forbids the network (``HF_HUB_OFFLINE=1``); read at every call."""
    return os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}


def fetch(
    repo_id: str,
    filename: str,
    *,
    revision: str | None = None,
    token: str | bool | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    local_files_only: bool = False,
    force_download: bool = False,
) -> Path:
    """Download a file of a repository, or find it in the cache.

    The environment is read at every call: ``HF_ENDPOINT`` names another Hub, ``HF_HUB_OFFLINE=1`` forbids the network.

    Args:
        repo_id: ``organisation/name``.
        filename: the file's path in the repository.
        revision: a branch, a tag or a commit. A full commit hash that is in the cache is not asked for again.
        token: an access token; None uses the one that `hf auth login` stored, False none at all.
        cache_dir: where files are kept; None uses the Hub's own cache.
        local_files_only: do not touch the network.
        force_download: download it, though it is in the cache.

    Returns:
        the file's path in the cache; not to be written to.

    Raises:
        InputError: for a revision or a file's path that is none.
        HubError: if the repository, revision or file does not exist, access is not granted, there is neither network
            nor cached copy, or the file is not what its hash says. The message says what to do.
    """
    from huggingface_hub import hf_hub_download

    _check_revision(revision)
    _check_filename(filename)
    where = None if cache_dir is None else Path(cache_dir)
    offline = local_files_only or is_offline()
    if offline and force_download:
        raise InputError("force_download needs the network, which is switched off (local_files_only, HF_HUB_OFFLINE).")
    download = partial(
        hf_hub_download,
        repo_id,
        filename,
        revision=revision,
        token=token,
        cache_dir=where,
        endpoint=_endpoint(),
        etag_timeout=patience("HF_HUB_ETAG_TIMEOUT"),
        library_name="semsyn",
    )
    with explained(repo_id, filename, revision, offline=offline), watched():
        if offline:
            path = download(local_files_only=True)
        elif force_download:
            path = download(force_download=True)
        else:
            path = _find_newest(repo_id, filename, revision, token, where) or download()
    check_content(Path(path))
    return Path(path)


def _find_newest(
    repo_id: str, filename: str, revision: str | None, token: str | bool | None, where: Path | None
) -> str | None:
    """The cached copy, if it is the Hub's own or the Hub does not answer."""
    from huggingface_hub import errors, hf_hub_url, try_to_load_from_cache

    found = try_to_load_from_cache(repo_id, filename, cache_dir=where, revision=revision)
    cached = found if isinstance(found, str) else None
    if cached is not None and is_commit(revision):
        return cached
    try:
        answer = _ask(hf_hub_url(repo_id, filename, revision=revision, endpoint=_endpoint()), token)
    except (errors.RevisionNotFoundError, errors.EntryNotFoundError):
        raise
    except Exception:
        if cached is None:
            raise
        return cached
    newest = try_to_load_from_cache(repo_id, filename, cache_dir=where, revision=answer.commit_hash)
    return cached if cached == newest else None


def _ask(url: str, token: str | bool | None) -> Any:
    """What the Hub says of a file; it is asked once more if it does not answer."""
    from huggingface_hub import get_hf_file_metadata

    ask = partial(
        get_hf_file_metadata,
        url,
        token=token,
        timeout=patience("HF_HUB_ETAG_TIMEOUT"),
        endpoint=_endpoint(),
        library_name="semsyn",
    )
    try:
        return ask()
    except Exception as error:
        if not is_passing(error):
            raise
        reason = status_of(error) or str(error) or type(error).__name__
        warnings.warn(f"the Hub does not answer ({reason}); it is asked once more.", stacklevel=5)
    time.sleep(1)
    return ask()


def upload(
    folder: str | os.PathLike[str],
    repo_id: str,
    *,
    private: bool = False,
    revision: str | None = None,
    message: str = "Upload with semsyn",
    token: str | bool | None = None,
) -> str:
    """Create a repository if it does not exist and upload a folder to it in one commit.

    Args:
        folder: what to upload.
        repo_id: ``organisation/name`` or ``name`` (of the logged-in user).
        private: hide a repository that is created here; an existing one keeps its visibility.
        revision: the branch; None is the main one.
        message: the commit's message.
        token: an access token that may write; None uses the one that `hf auth login` stored.

    Returns:
        the commit's hash.

    Raises:
        HubError: if access is not granted, the network is missing or forbidden, or the Hub refuses the commit.
    """
    from huggingface_hub import HfApi

    _check_revision(revision)
    if is_offline():
        raise HubError(f"cannot upload to {repo_id}: HF_HUB_OFFLINE is set; unset it.")
    with explained(repo_id, "the folder", revision):
        api = HfApi(endpoint=_endpoint(), token=token, library_name="semsyn")
        created = api.create_repo(repo_id, private=private or None, exist_ok=True)
        commit = api.upload_folder(
            folder_path=Path(folder), repo_id=created.repo_id, revision=revision, commit_message=message
        )
    return commit.oid


def _check_revision(revision: str | None) -> None:
    if revision is not None and not (isinstance(revision, str) and _REVISION.fullmatch(revision)):
        raise InputError(
            f"{str(revision)[:80]!r} is no revision: a branch, a tag or a commit of letters, digits and . _ + @ = - /."
        )


def _check_filename(name: str) -> None:
    if len(name) > 500 or not name.isprintable() or any(p in ("", ".", "..") or "\\" in p for p in name.split("/")):
        raise InputError(f"{name[:80]!r} is no path of a file in a repository, such as folder/file.txt.")


def _endpoint() -> str | None:
    return os.environ.get("HF_ENDPOINT", "").rstrip("/") or None
