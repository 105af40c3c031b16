"""The services that content asks, as gRPC servers that come and go."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from google.protobuf.json_format import ParseDict
from ports import free_port

from attune.events.v1.product_pb2 import Product
from attune.needs.v1 import needs_pb2, needs_pb2_grpc
from attune.recommender.v1 import recommender_pb2, recommender_pb2_grpc

KETTLE = {
    "product_id": "kettle",
    "title": {"en": "Harbor Kettle", "zh": "海港水壶"},
    "brand": "Fennhaven",
    "price": {"currency": "EUR", "amount": "49.90"},
    "attributes": [{"name": "capacity", "value": {"en": "1.7 L", "zh": "1.7升"}}],
}


class Needs(needs_pb2_grpc.NeedsServiceServicer):
    """Knows that everyone agrees to marketing but `bob`, and that `mei` reads Chinese."""

    def GetNeed(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        return needs_pb2.GetNeedResponse(need=needs_pb2.Need(user=request.user))

    def GetProfile(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        user = request.user.user_id
        profile = needs_pb2.Profile(
            user=request.user, language="zh" if user == "mei" else "en", consents={"marketing": user != "bob"}
        )
        return needs_pb2.GetProfileResponse(profile=profile)


class Recommender(recommender_pb2_grpc.RecommenderServiceServicer):
    """Has one kettle."""

    def GetProducts(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        known = [ParseDict(KETTLE, Product()) for product in request.product_ids if product == "kettle"]
        missing = [product for product in request.product_ids if product != "kettle"]
        return recommender_pb2.GetProductsResponse(products=known, missing=missing)


class Other:
    """Another service, which can be away."""

    def __init__(self, add: Any, servicer: Any) -> None:
        self._add, self._servicer, self.address = add, servicer, f"127.0.0.1:{free_port()}"
        self.back()

    def back(self) -> None:
        self._server = grpc.server(ThreadPoolExecutor(4))
        self._add(self._servicer, self._server)
        self._server.add_insecure_port(self.address)
        self._server.start()

    def away(self) -> None:
        self._server.stop(None).wait()
