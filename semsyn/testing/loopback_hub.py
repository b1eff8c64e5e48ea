"""A Hub on the loopback interface: the routes of huggingface_hub's client for downloads and uploads, over real HTTP."""

import base64
import hashlib
import json
import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

LARGE = (".safetensors", ".pth")  # kept outside git, as the real Hub does: resolve redirects to them


@dataclass
class Repo:
    """One repository: files by commit, commits by branch or tag."""

    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    gated: bool = False
    private: bool = False

    def commit(self, files: Mapping[str, bytes], *, branch: str = "main") -> str:
        """Add files on top of a branch and return the new commit's hash."""
        tree = {**self.commits.get(self.refs.get(branch, ""), {}), **files}
        sha = hashlib.sha1(
            repr((sorted(tree), len(self.commits), [len(v) for v in tree.values()])).encode()
        ).hexdigest()
        self.commits[sha] = tree
        self.refs[branch] = sha
        return sha


class LoopbackHub:
    """The state of the server and a log of the requests it got.

    Attributes:
        url: what HF_ENDPOINT has to be.
        storage_url: where large files are; another origin, as on the real Hub, where the access token must not go.
        repos: by ``organisation/name``.
        renamed: old repository names, which redirect.
        tokens: access tokens that are valid, with the repositories each may read and write.
        requests: ``"METHOD /path"`` of every request so far.
        status: what is answered to everything, or None.
        storage_status: what the file storage answers, or None.
        lies: headers that replace those of an answer about a file.
        delay: seconds before an answer.
    """

    def __init__(self) -> None:
        self.repos: dict[str, Repo] = {}
        self.renamed: dict[str, str] = {}
        self.tokens: dict[str, set[str]] = {}
        self.blobs: dict[str, bytes] = {}
        self.requests: list[str] = []
        self.status: int | None = None
        self.storage_status: int | None = None
        self.lies: dict[str, str] = {}
        self.delay = 0.0
        self.url = ""
        self.storage_url = ""

    def add(self, repo_id: str, files: Mapping[str, bytes], *, gated: bool = False, private: bool = False) -> str:
        """Create a repository with one commit and return the commit's hash."""
        repo = self.repos.setdefault(repo_id, Repo(gated=gated, private=private))
        return repo.commit(files)


@contextmanager
def loopback_hub() -> Iterator[LoopbackHub]:
    """Run a Hub and its file storage on two free ports of the loopback interface."""
    hub = LoopbackHub()
    handler = type("Handler", (_Handler,), {"hub": hub})
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), handler) for _ in range(2)]
    hub.url, hub.storage_url = (f"http://127.0.0.1:{server.server_address[1]}" for server in servers)
    threads = [threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}) for server in servers]
    for thread in threads:
        thread.start()
    try:
        yield hub
    finally:
        for server, thread in zip(servers, threads, strict=True):
            server.shutdown()
            server.server_close()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    hub: LoopbackHub
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._route()

    def do_GET(self) -> None:
        self._route()

    def do_POST(self) -> None:
        self._route()

    def do_PUT(self) -> None:
        self._route()

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _route(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.requests.append(f"{self.command} {path}")
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        time.sleep(self.hub.delay)
        status = self.hub.storage_status if path.startswith("/cdn/") else self.hub.status
        if status is not None:
            return self._answer(status)
        authorization = self.headers.get("Authorization", "")
        if authorization and re.match(r"/(cdn|lfs)/[0-9a-f]{64}", path):
            return self._answer(400)  # signed storage links refuse a second authorisation
        self.token = authorization.removeprefix("Bearer ")
        if authorization and self.token not in self.hub.tokens:
            return self._answer(401, headers={"X-Error-Message": "Invalid credentials in Authorization header"})
        reads = ("HEAD", "GET")
        routes = (
            (reads, r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", self._resolve),
            (reads, r"/cdn/([0-9a-f]{64})", self._blob),
            (reads, r"/api/models/([^/]+/[^/]+)(?:/revision/([^/]+))?", self._model),
            (("POST",), r"/api/repos/create", self._create),
            (("POST",), r"/api/validate-yaml", self._validate),
            (("POST",), r"/api/models/([^/]+/[^/]+)/preupload/([^/]+)", self._preupload),
            (("POST",), r"/([^/]+/[^/]+)\.git/info/lfs/objects/batch", self._batch),
            (("PUT",), r"/lfs/([0-9a-f]{64})", self._store),
            (("POST",), r"/lfs/verify", self._verify),
            (("POST",), r"/api/models/([^/]+/[^/]+)/commit/([^/]+)", self._commit),
        )
        for methods, pattern, action in routes:
            found = re.fullmatch(pattern, path)
            if found and self.command in methods:
                return action(*found.groups())
        return self._answer(404)

    # downloads

    def _resolve(self, repo_id: str, revision: str, name: str) -> None:
        if repo_id in self.hub.renamed:
            new = self.path.replace(repo_id, self.hub.renamed[repo_id], 1)
            return self._answer(307, headers={"Location": new})
        repo = self._visible(repo_id)
        if repo is None:
            return None
        sha = repo.refs.get(revision, revision)
        if sha not in repo.commits:
            return self._answer(404, headers={"X-Error-Code": "RevisionNotFound"})
        content = repo.commits[sha].get(name)
        commit = {"X-Repo-Commit": sha}
        if content is None:
            return self._answer(404, headers={**commit, "X-Error-Code": "EntryNotFound"})
        if name.endswith(LARGE):
            digest = hashlib.sha256(content).hexdigest()
            self.hub.blobs[digest] = content
            linked = {"X-Linked-Etag": f'"{digest}"', "X-Linked-Size": str(len(content))}
            return self._answer(302, headers={**commit, **linked, "Location": f"{self.hub.storage_url}/cdn/{digest}"})
        blob = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        return self._answer(200, content, headers={**commit, "ETag": f'"{blob}"'})

    def _blob(self, digest: str) -> None:
        content = self.hub.blobs.get(digest)
        return self._answer(404) if content is None else self._answer(200, content, headers={"ETag": f'"{digest}"'})

    def _model(self, repo_id: str, revision: str | None) -> None:
        repo = self._visible(repo_id)
        if repo is None:
            return None
        sha = repo.refs.get(revision or "main", revision or "")
        siblings = [{"rfilename": name} for name in repo.commits[sha]]
        return self._json({"id": repo_id, "sha": sha, "private": repo.private, "siblings": siblings, "tags": []})

    def _visible(self, repo_id: str) -> Repo | None:
        """Find a repository that the token may see, or answer as the Hub does where it may not."""
        repo = self.hub.repos.get(repo_id)
        allowed = repo_id in self.hub.tokens.get(self.token, ())
        if repo is None or (repo.private and not allowed):
            self._answer(404 if self.token else 401, headers={"X-Error-Code": "RepoNotFound"})
        elif repo.gated and not allowed:
            self._answer(403 if self.token else 401, headers={"X-Error-Code": "GatedRepo"})
        else:
            return repo
        return None

    # uploads

    def _create(self) -> None:
        asked = json.loads(self.body)
        repo_id = f"{asked['organization'] or 'me'}/{asked['name']}"
        if not self.token:
            return self._answer(401)
        if repo_id in self.hub.repos:
            return self._answer(
                409,
                json.dumps(
                    {"error": "You already created this model repo", "url": f"{self.hub.url}/{repo_id}"}
                ).encode(),
            )
        self.hub.repos[repo_id] = Repo(private=asked.get("visibility") == "private" or bool(asked.get("private")))
        self.hub.repos[repo_id].commit({".gitattributes": b"*.safetensors filter=lfs\n"})
        self.hub.tokens[self.token].add(repo_id)
        return self._json({"url": f"{self.hub.url}/{repo_id}", "name": repo_id})

    def _validate(self) -> None:
        content = json.loads(self.body)["content"]
        if content.startswith("---\n") and "\n---\n" in content[4:]:
            return self._json({"errors": [], "warnings": []})
        return self._json({"errors": [], "warnings": [{"message": "empty or missing yaml metadata in repo card"}]})

    def _writable(self, repo_id: str) -> Repo | None:
        if repo_id in self.hub.tokens.get(self.token, ()):
            return self.hub.repos[repo_id]
        self._answer(403 if self.token else 401)
        return None

    def _preupload(self, repo_id: str, revision: str) -> None:
        if self._writable(repo_id) is None:
            return None
        files = json.loads(self.body)["files"]
        modes = [
            {"path": f["path"], "uploadMode": "lfs" if f["path"].endswith(LARGE) else "regular", "shouldIgnore": False}
            for f in files
        ]
        return self._json({"files": modes})

    def _batch(self, repo_id: str) -> None:
        if self._writable(repo_id) is None:
            return None
        objects = [
            {
                **{key: wanted[key] for key in ("oid", "size")},
                "actions": {
                    "upload": {"href": f"{self.hub.storage_url}/lfs/{wanted['oid']}", "header": {}},
                    "verify": {"href": f"{self.hub.url}/lfs/verify", "header": {}},
                },
            }
            for wanted in json.loads(self.body)["objects"]
        ]
        return self._json({"transfer": "basic", "objects": objects})

    def _store(self, digest: str) -> None:
        if hashlib.sha256(self.body).hexdigest() != digest:
            return self._answer(400)
        self.hub.blobs[digest] = self.body
        return self._answer(200)

    def _verify(self) -> None:
        asked = json.loads(self.body)
        stored = self.hub.blobs.get(asked["oid"])
        return self._answer(200 if stored is not None and len(stored) == asked["size"] else 404)

    def _commit(self, repo_id: str, revision: str) -> None:
        repo = self._writable(repo_id)
        if repo is None:
            return None
        files: dict[str, bytes] = {}
        for line in self.body.splitlines():
            entry = json.loads(line)
            value = entry["value"]
            if entry["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif entry["key"] == "lfsFile":
                files[value["path"]] = self.hub.blobs[value["oid"]]
        sha = repo.commit(files, branch=revision)
        return self._json(
            {"success": True, "commitOid": sha, "commitUrl": f"{self.hub.url}/{repo_id}/commit/{sha}", "hookOutput": ""}
        )

    # answers

    def _json(self, value: object) -> None:
        self._answer(200, json.dumps(value).encode(), headers={"Content-Type": "application/json"})

    def _answer(self, status: int, content: bytes = b"", *, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        sent = dict(headers or {})
        for name, value in (sent | (self.hub.lies if "X-Repo-Commit" in sent else {})).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            with suppress(ConnectionError):  # who asked has gone
                self.wfile.write(content)
