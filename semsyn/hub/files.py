"""Files of Hub repositories, through the huggingface_hub client."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from semsyn.errors import HubError, InputError

__all__ = ["fetch", "is_offline", "is_repo_id", "upload"]

_PART = (
    r"(?![.-])(?![^/]*(?:\.\.|--))[\w.-]+(?<![.-])"  # letters, digits, _ . - but no .. and no -- , and no . - at an end
)
_REPO_ID = re.compile(rf"(?=.{{1,96}}$){_PART}/{_PART}", re.ASCII)
LOGIN = "log in with `hf auth login` or pass token="


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

    Returns:
        the file's path in the cache; not to be written to.

    Raises:
        HubError: if the repository, revision or file does not exist, access is not granted, or there is neither network
            nor cached copy. The message says what to do.
    """
    from huggingface_hub import hf_hub_download

    offline = local_files_only or is_offline()
    with _explained(repo_id, filename, revision, offline):
        path = hf_hub_download(
            repo_id,
            filename,
            revision=revision,
            token=token,
            cache_dir=None if cache_dir is None else Path(cache_dir),
            local_files_only=offline,
            endpoint=_endpoint(),
            library_name="semsyn",
        )
    return Path(path)


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

    if is_offline():
        raise HubError(f"cannot upload to {repo_id}: HF_HUB_OFFLINE is set; unset it.")
    with _explained(repo_id, "the folder", revision, offline=False):
        api = HfApi(endpoint=_endpoint(), token=token, library_name="semsyn")
        created = api.create_repo(repo_id, private=private or None, exist_ok=True)
        commit = api.upload_folder(
            folder_path=Path(folder), repo_id=created.repo_id, revision=revision, commit_message=message
        )
    return commit.oid


def _endpoint() -> str | None:
    return os.environ.get("HF_ENDPOINT", "").rstrip("/") or None


@contextmanager
def _explained(repo_id: str, what: str, revision: str | None, offline: bool) -> Iterator[None]:
    """Turn the client's errors into ours."""
    from huggingface_hub import errors

    at = f" at revision {revision!r}" if revision else ""
    try:
        yield
    except errors.HFValidationError as error:
        raise InputError(f"{repo_id!r} is no repository name of the Hub ('organisation/name'): {error}") from error
    except errors.GatedRepoError as error:
        raise HubError(
            f"{repo_id} is gated: accept its terms on its page, then {LOGIN} of the account that did."
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise HubError(
            f"the Hub has no repository {repo_id}, or it is private. Check the name; for a private one {LOGIN}."
        ) from error
    except errors.RevisionNotFoundError as error:
        raise HubError(f"{repo_id} has no revision {revision!r}; leave revision= out for the newest.") from error
    except errors.LocalEntryNotFoundError as error:
        if offline:
            advice = (
                "the network is switched off (local_files_only or HF_HUB_OFFLINE); load it once with the network on"
            )
        else:
            advice = "the Hub cannot be reached; check the network (and HF_ENDPOINT), or pass a local file"
        raise HubError(f"{what} of {repo_id}{at} is not in the cache and {advice}.") from error
    except errors.EntryNotFoundError as error:
        raise HubError(
            f"{repo_id} has no file {what!r}{at}; is it a repository that semsyn's push_to_hub wrote?"
        ) from error
    except errors.HfHubHTTPError as error:
        code = error.response.status_code
        advice = f" Access was refused: {LOGIN} with enough rights." if code in (401, 403) else " Try again later."
        raise HubError(f"the Hub answered {code} for {what} of {repo_id}{at}.{advice}") from error
    except Exception as error:
        # The client of huggingface_hub 1.x is httpx, that of 2.x httpx2: their errors share no base class.
        if not type(error).__module__.partition(".")[0].startswith("httpx"):
            raise
        raise HubError(
            f"the connection to the Hub failed for {what} of {repo_id}{at}: {error}. Check the network."
        ) from error
