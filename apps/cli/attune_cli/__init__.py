"""`attune`: the platform from a terminal. A client of the four services and of Kafka, like any other."""
