"""What every process needs, whatever it is about: settings, Kafka batches, gRPC, health, telemetry."""
