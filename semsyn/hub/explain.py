"""The errors of the Hub's client in words that say what to do."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from semsyn.errors import HubError, InputError, SemsynError

__all__ = ["explained", "is_passing", "status_of"]

LOGIN = "log in with `hf auth login` or pass token="


@contextmanager
def explained(repo_id: str, what: str, revision: str | None, *, offline: bool = False) -> Iterator[None]:
    """Turn the client's errors into ours.

    Args:
        repo_id, revision: that were asked for.
        what: the file, or what else messages speak of.
        offline: the network was not to be used.
    """
    try:
        yield
    except SemsynError:
        raise
    except Exception as error:
        ours = _explain(error, repo_id, what, revision, offline)
        if ours is None:
            raise
        raise ours from error


def status_of(error: BaseException) -> int | None:
    """The status code of an answer that the client raised; None: there was no answer."""
    return getattr(_answer_of(error), "status_code", None)


def _answer_of(error: BaseException) -> Any:
    return getattr(error, "response", None)


def is_passing(error: BaseException) -> bool:
    """Whether it may help to ask again: no connection, no answer in time, trouble on the other side."""
    status = status_of(error)
    return _is_of_connection(error) if status is None else status == 408 or status >= 500


def _is_of_connection(error: BaseException) -> bool:
    # The client of huggingface_hub 1.x is httpx, that of 2.x httpx2: their errors share no base class.
    return type(error).__module__.partition(".")[0].startswith("httpx")


def _explain(error: BaseException, repo_id: str, what: str, revision: str | None, offline: bool) -> SemsynError | None:
    from huggingface_hub import errors

    at = f" at revision {revision!r}" if revision else ""
    thing = f"{what} of {repo_id}{at}"
    if isinstance(error, errors.HFValidationError):
        return InputError(f"{repo_id!r} is no repository name of the Hub ('organisation/name'): {error}")
    if isinstance(error, errors.GatedRepoError):
        return HubError(f"{repo_id} is gated: accept its terms on its page, then {LOGIN} of the account that did.")
    if isinstance(error, errors.RepositoryNotFoundError):
        return HubError(
            f"the Hub has no repository {repo_id}, or it is private. Check the name; for a private one {LOGIN}."
        )
    if isinstance(error, errors.RevisionNotFoundError):
        return HubError(f"{repo_id} has no revision {revision!r}; leave revision= out for the newest.")
    if isinstance(error, errors.LocalEntryNotFoundError) and offline:
        return HubError(
            f"{thing} is not in the cache and the network is switched off (local_files_only or HF_HUB_OFFLINE); load "
            "it once with the network on."
        )
    if isinstance(error, errors.EntryNotFoundError) and status_of(error) is not None:
        return HubError(f"{repo_id} has no file {what!r}{at}; is it a repository that semsyn's push_to_hub wrote?")
    if (status := status_of(error)) is not None:
        after = _answer_of(error).headers.get("Retry-After", "")
        return HubError(f"the Hub answered {status} for {thing}. {_advise(status, after)}")
    if isinstance(error, errors.FileMetadataError):
        return HubError(
            f"what answers for {thing} is no Hub: it names no commit or no hash. Check HF_ENDPOINT, and proxies."
        )
    if _is_of_connection(error):
        return HubError(
            f"{thing} is not in the cache and the Hub cannot be reached; check the network (and HF_ENDPOINT), or pass "
            f"a local file: {str(error) or type(error).__name__}."
        )
    if error.__cause__ is not None and isinstance(error, ValueError | errors.LocalEntryNotFoundError):
        return _explain(error.__cause__, repo_id, what, revision, offline)  # the client's wrapping
    if isinstance(error, OSError):
        return HubError(f"{thing} cannot be kept in the cache: {error.strerror or error}.")
    if isinstance(error, ValueError):  # what was answered is more than the client takes, such as 50 GB at once
        return HubError(f"{thing} cannot be downloaded: {error}")
    return None


def _advise(status: int, after: str) -> str:
    if status in (401, 403):
        return f"Access was refused: {LOGIN} with enough rights."
    if status == 404:
        return "Check the name, and that HF_ENDPOINT is a Hub."
    if status == 410:
        return "It was removed; ask its authors."
    if status == 429:
        wait = f"in {after} seconds" if after.isdecimal() and len(after) < 7 else "in some minutes"
        return f"It was asked too often: try again {wait}, or {LOGIN}."
    return "The trouble is on its side: try again later."
