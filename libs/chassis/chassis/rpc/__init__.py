"""gRPC with deadlines that propagate, rich errors, health and reflection."""

from chassis.rpc.channel import channel
from chassis.rpc.deadline import remaining
from chassis.rpc.errors import is_refusal
from chassis.rpc.lanes import Lanes
from chassis.rpc.server import GrpcServer

__all__ = ["GrpcServer", "Lanes", "channel", "is_refusal", "remaining"]
