import time
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
    monkeypatch.setattr(time, "sleep", lambda seconds: None)  # the client waits 23 s between its tries
    hub.add("me/net", FILES)
    path = fetch("me/net", "config.json", cache_dir=tmp_path)
    hub.down = True
    assert fetch("me/net", "config.json", cache_dir=tmp_path) == path
    with pytest.raises(HubError, match="the Hub cannot be reached; check the network"):
        fetch("me/net", "README.md", cache_dir=tmp_path)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # nothing listens there
    assert fetch("me/net", "config.json", cache_dir=tmp_path) == path
    with pytest.raises(HubError, match="the Hub cannot be reached; check the network"):
        fetch("me/net", "README.md", cache_dir=tmp_path)
    with pytest.raises(HubError, match="the connection to the Hub failed"):
        upload(tmp_path, "me/net", token=False)
