"""The verbs of this service and the ports they need."""
