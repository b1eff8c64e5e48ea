import time
import warnings
from contextlib import nullcontext
from pathlib import Path

import pytest

from semsyn.errors import HubError, InputError
from semsyn.hub.files import fetch, is_repo_id, upload
from semsyn.testing.loopback_hub import LoopbackHub

FILES = {"model.safetensors": b"weights" * 100, "config.json": b"{}", "README.md": b"---\nlicense: mit\n---\n"}


def test_large_and_small_files_arrive(hub: LoopbackHub, tmp_path: Path) -> None:
    hub.add("me/net", FILES)
    for name, content in FILES.items():
        assert fetch("me/net", name, cache_dir=tmp_path).read_bytes() == content
    assert any(request.startswith("GET /cdn/") for request in hub.requests)  # the redirect was followed


def test_a_pinned_commit_is_asked_for_once(hub: LoopbackHub, tmp_path: Path) -> None:
    commit = hub.add("me/net", FILES)
    first = fetch("me/net", "model.safetensors", revision=commit, cache_dir=tmp_path)
    hub.requests.clear()
    assert fetch("me/net", "model.safetensors", revision=commit, cache_dir=tmp_path) == first
    assert hub.requests == []


def test_an_unchanged_branch_costs_one_head_request(hub: LoopbackHub, tmp_path: Path) -> None:
    hub.add("me/net", FILES)
    fetch("me/net", "model.safetensors", cache_dir=tmp_path)
    hub.requests.clear()
    fetch("me/net", "model.safetensors", cache_dir=tmp_path)
    assert hub.requests == ["HEAD /me/net/resolve/main/model.safetensors"]


def test_a_revision_keeps_the_old_file_when_the_branch_moves(hub: LoopbackHub, tmp_path: Path) -> None:
    old = hub.add("me/net", FILES)
    hub.repos["me/net"].commit({"model.safetensors": b"newer"})
    assert fetch("me/net", "model.safetensors", cache_dir=tmp_path).read_bytes() == b"newer"
    assert (
        fetch("me/net", "model.safetensors", revision=old, cache_dir=tmp_path).read_bytes()
        == FILES["model.safetensors"]
    )


def test_a_renamed_repository_is_followed(hub: LoopbackHub, tmp_path: Path) -> None:
    hub.add("me/new", FILES)
    hub.renamed["me/old"] = "me/new"
    assert fetch("me/old", "config.json", cache_dir=tmp_path).read_bytes() == b"{}"


def test_offline_reads_the_cache_and_asks_nobody(
    hub: LoopbackHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.add("me/net", FILES)
    path = fetch("me/net", "config.json", cache_dir=tmp_path)
    hub.requests.clear()
    assert fetch("me/net", "config.json", cache_dir=tmp_path, local_files_only=True) == path
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert fetch("me/net", "config.json", cache_dir=tmp_path) == path
    with pytest.raises(HubError, match=r"not in the cache and the network is switched off .*load it once"):
        fetch("me/net", "model.safetensors", cache_dir=tmp_path)
    with pytest.raises(HubError, match="HF_HUB_OFFLINE is set"):
        upload(tmp_path, "me/net")
    assert hub.requests == []


def test_missing_things_are_named(hub: LoopbackHub, tmp_path: Path) -> None:
    hub.add("me/net", FILES)
    with pytest.raises(HubError, match="me/net has no file 'other.bin'"):
        fetch("me/net", "other.bin", cache_dir=tmp_path)
    with pytest.raises(HubError, match="me/net has no revision 'v9'"):
        fetch("me/net", "config.json", revision="v9", cache_dir=tmp_path)
    with pytest.raises(HubError, match="no repository me/nothing"):
        fetch("me/nothing", "config.json", cache_dir=tmp_path)
    with pytest.raises(InputError, match="no repository name"):
        fetch("me/not a name", "config.json", cache_dir=tmp_path)


def test_gated_and_private_repositories_need_the_right_token(hub: LoopbackHub, tmp_path: Path) -> None:
    hub.add("me/gated", FILES, gated=True)
    hub.add("me/private", FILES, private=True)
    hub.tokens = {"hf_stranger": set(), "hf_friend": {"me/gated", "me/private"}}
    for token in (False, "hf_stranger"):
        with pytest.raises(HubError, match=r"me/gated is gated: accept its terms .*hf auth login"):
            fetch("me/gated", "config.json", token=token, cache_dir=tmp_path)
        with pytest.raises(HubError, match=r"no repository me/private, or it is private"):
            fetch("me/private", "config.json", token=token, cache_dir=tmp_path)
    for name in ("me/gated", "me/private"):
        assert fetch(name, "config.json", token="hf_friend", cache_dir=tmp_path).read_bytes() == b"{}"
    with pytest.raises(HubError, match="401"):
        fetch("me/gated", "README.md", token="hf_expired", cache_dir=tmp_path)


def test_upload_creates_the_repository_and_commits(hub: LoopbackHub, tmp_path: Path) -> None:
    hub.tokens = {"hf_me": set()}
    folder = tmp_path / "model"
    folder.mkdir()
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    commit = upload(folder, "me/net", private=True, token="hf_me")
    repo = hub.repos["me/net"]
    assert repo.private
    assert repo.refs["main"] == commit
    assert {name: repo.commits[commit][name] for name in FILES} == FILES
    assert any(request.startswith("PUT /lfs/") for request in hub.requests)
    (folder / "config.json").write_text('{"a": 1}')
    assert upload(folder, "me/net", token="hf_me") != commit  # an existing repository gets another commit
    with pytest.raises(HubError, match=r"Access was refused.*hf auth login"):
        upload(folder, "me/net", token=False)


def test_repository_names() -> None:
    assert is_repo_id("org/name-1.0")
    for name in ("name", "a/b/c", "a b/c", "../x", "/x"):
        assert not is_repo_id(name)


def test_no_network_and_a_hub_that_is_down(hub: LoopbackHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    hub.add("me/net", FILES)
    path = fetch("me/net", "config.json", cache_dir=tmp_path)
    hub.status = 503
    with pytest.warns(UserWarning, match=r"does not answer \(503\); it is asked once more"):
        assert fetch("me/net", "config.json", cache_dir=tmp_path) == path
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # nothing listens there
    with pytest.warns(UserWarning, match="does not answer"):
        assert fetch("me/net", "config.json", cache_dir=tmp_path) == path
    with (
        pytest.warns(UserWarning, match="does not answer"),
        pytest.raises(HubError, match="README.md of me/net is not in the cache and the Hub cannot be reached"),
    ):
        fetch("me/net", "README.md", cache_dir=tmp_path)
    with pytest.raises(HubError, match="the Hub cannot be reached"):
        upload(tmp_path, "me/net", token=False)


STATUSES = {
    401: "Access was refused: log in",
    403: "Access was refused: log in",
    404: "Check the name, and that HF_ENDPOINT is a Hub",
    410: "It was removed",
    429: "It was asked too often: try again in some minutes",
    500: "The trouble is on its side",
    502: "The trouble is on its side",
    504: "The trouble is on its side",
}


@pytest.mark.parametrize("status", STATUSES)
def test_what_the_hub_answers_is_told(status: int, hub: LoopbackHub, tmp_path: Path) -> None:
    hub.add("me/net", FILES)
    hub.status = status
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        with pytest.raises(HubError, match=f"the Hub answered {status} for config.json of me/net. {STATUSES[status]}"):
            fetch("me/net", "config.json", cache_dir=tmp_path)
    assert len(told) == len(hub.requests) - 1 == (status >= 500), "one notice for one more try"


@pytest.mark.parametrize("status", [403, 429, 503])
def test_a_storage_that_gives_nothing_out_is_asked_at_most_twice(status: int, hub: LoopbackHub, tmp_path: Path) -> None:
    hub.add("me/net", FILES)
    hub.storage_status = status
    with pytest.raises(HubError, match=f"answered {status}"):
        fetch("me/net", "model.safetensors", cache_dir=tmp_path)
    assert sum(request.startswith("GET /cdn/") for request in hub.requests) <= 2


def test_a_file_larger_than_the_client_takes(hub: LoopbackHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.MAX_HTTP_DOWNLOAD_SIZE", 1)
    hub.add("me/net", FILES)
    with pytest.raises(HubError, match="config.json of me/net cannot be downloaded: The file is too large"):
        fetch("me/net", "config.json", cache_dir=tmp_path)


def test_a_server_that_takes_long_is_left(hub: LoopbackHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("semsyn.hub.answers.PATIENCE", 0.2)
    hub.add("me/net", FILES)
    hub.delay = 0.6
    with (
        pytest.warns(UserWarning, match="asked once more"),
        pytest.raises(HubError, match="cannot be reached.*timed out"),
    ):
        fetch("me/net", "config.json", cache_dir=tmp_path)


def test_a_patience_of_ones_own(hub: LoopbackHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("semsyn.hub.answers.PATIENCE", 0.1)
    monkeypatch.setenv("HF_HUB_ETAG_TIMEOUT", "5")
    monkeypatch.setenv("HF_HUB_DOWNLOAD_TIMEOUT", "5")
    hub.add("me/net", FILES)
    hub.delay = 0.3
    assert fetch("me/net", "config.json", cache_dir=tmp_path).read_bytes() == b"{}"


def test_a_download_that_stands_still_is_left(
    hub: LoopbackHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("semsyn.hub.answers.PATIENCE", 0.2)
    monkeypatch.setenv("HF_HUB_ETAG_TIMEOUT", "5")
    hub.add("me/net", FILES)
    hub.delay = 0.6
    with pytest.raises(HubError, match="does not give the file out, though asked 2 times"):
        fetch("me/net", "config.json", cache_dir=tmp_path)
    assert sum(request.startswith("GET ") for request in hub.requests) == 2


UPWARDS = ("..", "a/../b", "/etc/x", "../../x")
REVISIONS = (*UPWARDS, "a\0b", "a\nb", "x" * 201, "", "-x", ".x", "x.", "a//b", "a.lock", "a b", 3)


@pytest.mark.parametrize("revision", REVISIONS, ids=ascii)
def test_a_revision_is_no_path_to_elsewhere(revision: str, hub: LoopbackHub, tmp_path: Path) -> None:
    hub.add("me/net", FILES)
    for options in ({}, {"local_files_only": True}):
        with pytest.raises(InputError, match="is no revision"):
            fetch("me/net", "config.json", revision=revision, cache_dir=tmp_path / "cache", **options)
    with pytest.raises(InputError, match="is no revision"):
        upload(tmp_path, "me/net", revision=revision)
    assert hub.requests == [] and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", [*UPWARDS, "", "a//b", "./a", "a\0b", "a\nb", "a\\b", "x" * 501], ids=ascii)
def test_a_files_name_is_no_path_to_elsewhere(name: str, hub: LoopbackHub, tmp_path: Path) -> None:
    hub.add("me/net", FILES)
    with pytest.raises(InputError, match="is no path of a file in a repository"):
        fetch("me/net", name, cache_dir=tmp_path / "cache")
    assert hub.requests == [] and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("revision", ["main", "v1.0", "refs/pr/1", "feature/a_b", "release-2@x", "a+b=c"])
def test_revisions_that_git_allows(revision: str, hub: LoopbackHub, tmp_path: Path) -> None:
    hub.add("me/net", {"a.txt": b"x"})
    with pytest.raises(HubError, match="has no revision|answered 404") if revision != "main" else nullcontext():
        fetch("me/net", "a.txt", revision=revision, cache_dir=tmp_path)


LIES = {
    "commit-up": {"X-Repo-Commit": "../../../../escaped"},
    "commit-short": {"X-Repo-Commit": "abc"},
    "commit-capitals": {"X-Repo-Commit": "A" * 40},
    "etag-up": {"ETag": '"../../../escaped"', "X-Linked-Etag": '"../../../escaped"'},
    "etag-absolute": {"X-Linked-Etag": "{here}/escaped"},
    "etag-missing": {"ETag": '""', "X-Linked-Etag": '""'},
    "etag-weak": {"ETag": 'W/"../../escaped"', "X-Linked-Etag": 'W/"../../escaped"'},
}


@pytest.mark.parametrize("lie", LIES)
@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "absent.txt"])
def test_a_hub_that_names_paths_is_not_followed(lie: str, name: str, hub: LoopbackHub, tmp_path: Path) -> None:
    hub.add("me/net", FILES)
    hub.lies = {header: value.format(here=tmp_path) for header, value in LIES[lie].items()}
    cache = tmp_path / "a" / "b" / "c" / "cache"
    for force in (False, True):
        with pytest.raises(HubError, match="which is no hash|is no Hub|has no file"):
            fetch("me/net", name, cache_dir=cache, force_download=force)
    if lie.startswith("etag") and name == "absent.txt":
        return  # the answer speaks of no file
    written = [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "CACHEDIR.TAG"]
    assert not written, written


def test_a_byte_that_changed_in_the_cache_is_noticed(hub: LoopbackHub, tmp_path: Path) -> None:
    hub.add("me/net", FILES)
    for name, content in FILES.items():
        path = fetch("me/net", name, cache_dir=tmp_path)
        path.resolve().write_bytes(b"X" + content[1:])
        for options in ({}, {"local_files_only": True}):
            with pytest.raises(HubError, match=r"is damaged.*Delete it, or pass force_download=True"):
                fetch("me/net", name, cache_dir=tmp_path, **options)
        assert fetch("me/net", name, cache_dir=tmp_path, force_download=True).read_bytes() == content
    with pytest.raises(InputError, match="force_download needs the network"):
        fetch("me/net", "config.json", cache_dir=tmp_path, force_download=True, local_files_only=True)


def test_a_storage_that_sends_something_else_is_noticed(hub: LoopbackHub, tmp_path: Path) -> None:
    hub.add("me/net", FILES)
    fetch("me/net", "model.safetensors", cache_dir=tmp_path / "first")
    (digest,) = hub.blobs
    hub.lies = {"X-Linked-Etag": "0" * 64}
    with pytest.raises(HubError, match="does not have the hash"):
        fetch("me/net", "model.safetensors", cache_dir=tmp_path / "second")


def test_a_cache_that_cannot_be_written_is_told(hub: LoopbackHub, tmp_path: Path) -> None:
    hub.add("me/net", FILES)
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(HubError, match="cannot be kept in the cache"):
        fetch("me/net", "config.json", cache_dir=tmp_path / "cache")
