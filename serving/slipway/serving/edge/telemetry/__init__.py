"""What a device tells of its models: counts, latencies, sketches of what they saw and answered, and a few samples.

`distributions` and `moments` are the sketches, `sampling` says which decisions are kept as samples, `collecting` fills
windows of time, and `spool` keeps them on disk until somebody has them. Sending is the fleet service's other half.
"""
