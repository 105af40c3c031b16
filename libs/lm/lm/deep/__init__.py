"""Transformers in process. Needs torch, which nothing else of `lm` needs: the `deep` extra."""

try:
    import torch as _torch  # noqa: F401 - asked here, so that what is missing is told in our words
    import transformers as _transformers  # noqa: F401
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f"lm.deep needs torch and transformers ({error}); install them with: pip install 'attune-lm[deep]'",
        name=error.name,
    ) from error

from lm.deep.encoder import TransformerEncoder
from lm.deep.generator import LocalGenerator

__all__ = ["LocalGenerator", "TransformerEncoder"]
