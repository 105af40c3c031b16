"""The knowledge and the products of every shop, in memory."""

from __future__ import annotations

from collections.abc import Callable

from lm.protocols import Matrix
from qa.domain.knowledge import Entry
from qa.domain.products import Product, ProductBook
from qa.domain.shelf import Shelf

MOST = 20_000  # entries: some 700 MB, and .15 s for each question to a shop that has them all


class Library:
    """One shelf and one product book per shop; a shop nobody has told us of has empty ones.

    At most `most` entries, of all shops; `left_out` says whether there were more. Those that came first are held.
    """

    def __init__(self, shelf: Callable[[], Shelf], most: int = MOST) -> None:
        self._make, self.most, self.left_out = shelf, most, False
        self._shelves: dict[str, Shelf] = {}
        self._books: dict[str, ProductBook] = {}

    def shelf(self, tenant: str) -> Shelf:
        """Knowledge of a shop."""
        return self._shelves.get(tenant) or self._make()

    def book(self, tenant: str) -> ProductBook:
        """Products of a shop."""
        return self._books.get(tenant) or ProductBook()

    def learn(self, entry: Entry, vectors: Matrix) -> None:
        """Enter an entry, unless it is a new one and there are as many as there may be."""
        shelf = self.shelf(entry.tenant)
        if shelf.get(entry.entry_id) is None and sum(map(len, self._shelves.values())) >= self.most:
            self.left_out = True
            return
        self._shelves[entry.tenant] = shelf
        shelf.put(entry, vectors)

    def learn_product(self, product: Product) -> None:
        """Enter a product."""
        self._books.setdefault(product.tenant, ProductBook()).put(product)

    def vectors(self, entry: Entry) -> Matrix | None:
        """The vectors of this very entry, said at the same place of the log; None: not learned, or told anew since."""
        shelf = self._shelves.get(entry.tenant)
        return None if shelf is None else shelf.vectors(entry)

    def held(self, entry_id: str) -> list[Entry]:
        """The entries of this id, in every shop."""
        return [entry for shelf in self._shelves.values() if (entry := shelf.get(entry_id)) is not None]

    def held_products(self, product_id: str) -> list[Product]:
        """The products of this id, in every shop."""
        return [product for book in self._books.values() if (product := book.get(product_id)) is not None]

    def forget(self, entry: Entry) -> None:
        """Remove an entry."""
        self._shelves[entry.tenant].remove(entry.entry_id)

    def forget_product(self, product: Product) -> None:
        """Remove a product."""
        self._books[product.tenant].remove(product.product_id)
