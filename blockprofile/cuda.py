"""Whether there is a CUDA device, asked by all that can use one."""

from __future__ import annotations

from blockprofile.errors import OptionError

__all__ = ["require_cuda"]


def require_cuda() -> None:
    """Refuse the provider ``cuda`` where torch finds no device for it.

    Raises
    ------
    OptionError
        If there is none.
    """
    import torch

    if not torch.cuda.is_available():
        raise OptionError("provider 'cuda': torch finds no CUDA device here; choices: cpu")
