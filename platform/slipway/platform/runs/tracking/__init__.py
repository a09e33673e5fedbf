"""What MLflow is told: one run for one piece of work, every point once, whoever is killed."""
