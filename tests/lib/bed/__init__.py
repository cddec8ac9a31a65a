"""A test-bed for faults: clients that behave as the contract asks and log all they sent and saw, means
to break what they rely on, and the comparison of their logs with the database."""
