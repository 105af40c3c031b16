"""What can be wrong with what is asked."""

from __future__ import annotations

from collections.abc import Sequence

_SHOWN = 3  # reasons of a refusal that are repeated


class UnknownProduct(Exception):
    """The catalogue has no such product."""

    field = "product_id"
    remedy = "load it into attune.catalog.v1 first, or look for its id with Search"

    def __init__(self, tenant: str, product_id: str) -> None:
        self.value = product_id
        super().__init__(f"the shop {tenant!r} has no product {product_id!r}; {self.remedy}")


class UnknownExperiment(Exception):
    """Nothing was ever composed in this experiment."""

    field = "experiment_id"
    remedy = "use the experiment_id of a composition, or leave it empty to list all"

    def __init__(self, tenant: str, experiment_id: str) -> None:
        self.value = experiment_id
        super().__init__(f"the shop {tenant!r} has no experiment {experiment_id!r}; {self.remedy}")


class NothingToSay(Exception):
    """No text is left."""

    field = "channel"

    def __init__(self, channel: str, language: str, reasons: Sequence[str]) -> None:
        self.value = channel
        self.remedy = f"load a template for {channel!r} in {language!r} whose gaps this product fills"
        told = "; ".join(reasons[:_SHOWN]) or "there is no template and no generated text"
        more = f"; and {len(reasons) - _SHOWN} more" if len(reasons) > _SHOWN else ""
        super().__init__(f"nothing may be said: {told}{more}; {self.remedy}")


class ConsentUnknown(Exception):
    """The needs service, which knows consents, does not answer."""

    field = "channel"
    remedy = "try again, or compose for a channel that needs no consent"

    def __init__(self, channel: str, reason: str) -> None:
        self.value = channel
        super().__init__(f"whether the person agreed to {channel!r} is not known now: {reason}; {self.remedy}")
