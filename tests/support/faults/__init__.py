"""What the fault tests, the soak and the recovery figures share: engines and services as processes, traffic whose
every acknowledgement is remembered, and an oracle that says what must have been counted."""
