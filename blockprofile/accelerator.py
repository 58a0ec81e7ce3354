"""Where torch computes: on the processor or on a CUDA device; asked by all that can use either."""

from __future__ import annotations

from blockprofile.errors import OptionError, check_choice

__all__ = ["ACCELERATORS", "check_accelerator", "require_accelerator", "require_cuda"]

ACCELERATORS = ("cpu", "cuda")


def check_accelerator(name: str) -> None:
    """Refuse a name that is none of `ACCELERATORS`; whether it is there is not asked.

    Raises
    ------
    OptionError
        Naming the choices.
    """
    check_choice("--accelerator", name, ACCELERATORS)


def require_accelerator(name: str) -> None:
    """Refuse an accelerator that is none, or that torch does not find.

    Raises
    ------
    OptionError
        Naming the choices.
    """
    check_accelerator(name)
    if name == "cuda":
        require_cuda()


def require_cuda(option: str = "--accelerator") -> None:
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
        raise OptionError(f"{option} cuda: torch finds no CUDA device here; choices: cpu")
