"""The durable list of studies: what has come, what was done, who is at it."""
