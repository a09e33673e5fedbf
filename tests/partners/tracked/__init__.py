"""MLflow for real: a server on loopback that can be killed and comes back."""
