"""Loading and saving as methods, under the names and with the arguments that huggingface_hub gives them."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from typing_extensions import Self

PathLike = str | os.PathLike[str]


class Pretrained:
    """What `huggingface_hub.ModelHubMixin` would add, through semsyn's own files: no pickle is opened, every key must
    fit, and a model card is written."""

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: PathLike,
        *,
        revision: str | None = None,
        token: str | bool | None = None,
        cache_dir: PathLike | None = None,
        local_files_only: bool = False,
        force_download: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        **resources: Any,
    ) -> Self:
        """`semsyn.load_pretrained`: a card's name, a file, a folder or a repository of the Hub.

        Args:
            pretrained_model_name_or_path: see `semsyn.load_pretrained`, as all arguments.
            revision, token, cache_dir, local_files_only, force_download: for the Hub.
            device, dtype: where to, and of the floating-point tensors.
            resources: what the weights lack, by name; ``checkpoint`` for the authors' own files.
        """
        load: Any = import_module("semsyn.hub.load")  # the layer above, which knows the files
        found: Self = load.load_pretrained(
            pretrained_model_name_or_path,
            revision=revision,
            token=token,
            cache_dir=cache_dir,
            local_files_only=local_files_only,
            force_download=force_download,
            device=device,
            dtype=dtype,
            **resources,
        )
        return found

    def save_pretrained(
        self,
        save_directory: PathLike,
        *,
        name: str | None = None,
        license: str | None = None,
        dtype: torch.dtype | None = None,
        overwrite: bool = False,
        repo_id: str | None = None,
        push_to_hub: bool = False,
        **options: Any,
    ) -> Path:
        """`semsyn.save_pretrained`; with ``push_to_hub`` the upload follows.

        Args:
            save_directory: a folder, or a file that ends in ``.safetensors``.
            name, license, dtype, overwrite: see `semsyn.save_pretrained`.
            repo_id: ``organisation/name`` to push to; None: the folder's name.
            push_to_hub: upload it, too.
            options: for `push_to_hub`.

        Returns:
            the path of the weights file.
        """
        save: Any = import_module("semsyn.hub.save")
        path: Path = save.save_pretrained(
            self, save_directory, name=name, license=license, dtype=dtype, overwrite=overwrite
        )
        if push_to_hub:
            self.push_to_hub(repo_id or Path(save_directory).name, name=name, license=license, dtype=dtype, **options)
        return path

    def push_to_hub(
        self,
        repo_id: str,
        *,
        name: str | None = None,
        license: str | None = None,
        dtype: torch.dtype | None = None,
        commit_message: str = "Upload with semsyn",
        private: bool = False,
        branch: str | None = None,
        token: str | bool | None = None,
    ) -> str:
        """`semsyn.push_to_hub`.

        Args:
            repo_id: ``organisation/name``.
            name, license, dtype: see `semsyn.save_pretrained`.
            commit_message, private, branch, token: see `semsyn.push_to_hub`, where they are called message, private,
                revision and token.

        Returns:
            the commit's hash.
        """
        save: Any = import_module("semsyn.hub.save")
        commit: str = save.push_to_hub(
            self,
            repo_id,
            name=name,
            license=license,
            dtype=dtype,
            message=commit_message,
            private=private,
            revision=branch,
            token=token,
        )
        return commit
