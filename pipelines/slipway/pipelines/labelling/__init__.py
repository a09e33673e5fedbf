"""Labelling: tasks that wait for people, pictures of devices among them, and labels on their way to a new snapshot."""
