"""What can be wrong with what is asked, as nouns."""

from __future__ import annotations


class Refusal(Exception):
    """What was asked cannot be answered; says which field, which value and what to do."""

    def __init__(self, message: str, *, field: str, value: object, remedy: str) -> None:
        self.field, self.value, self.remedy = field, value, remedy
        super().__init__(f"{message}; {remedy}")


class UnknownProduct(Refusal):
    """No such product in this shop's catalogue."""

    def __init__(self, tenant: str, product_id: str, *, field: str = "product_id") -> None:
        super().__init__(
            f"product {product_id!r} is not in the catalogue of {tenant!r}",
            field=field,
            value=product_id,
            remedy="send the product to attune.catalog.v1, or ask for one that is there",
        )


class ForeignSpace(Refusal):
    """A vector of another space; two spaces are never compared."""

    def __init__(self, *, given: str, ours: str) -> None:
        super().__init__(
            f"the vector is of space {given!r}",
            field="vector.space",
            value=given,
            remedy=f"send a vector of space {ours!r}, or words instead",
        )


class UnusableVector(Refusal):
    """A vector that has no direction in our space."""

    def __init__(self, *, value: str, remedy: str) -> None:
        super().__init__("the vector cannot be compared", field="vector.data", value=value, remedy=remedy)


class ImpossiblePrice(Refusal):
    """Price limits that no price can keep."""

    def __init__(self, least: str, most: str, remedy: str) -> None:
        super().__init__(
            f"no price is at least {least} and at most {most}", field="filter.min_price", value=least, remedy=remedy
        )
