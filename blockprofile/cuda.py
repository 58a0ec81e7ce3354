"""Whether there is a CUDA device, asked by all that can use one."""

from __future__ import annotations

from blockprofile.errors import OptionError

__all__ = ["require_cuda"]


def require_cuda(option: str = "provider") -> None:
    """Refuse ``cuda`` where torch finds no device for it.

    Parameters
    ----------
    option
        What asked for it.

    Raises
    ------
    OptionError
        If there is none.
    """
    import torch

    if not torch.cuda.is_available():
        raise OptionError(f"{option} 'cuda': torch finds no CUDA device here; choices: cpu")
