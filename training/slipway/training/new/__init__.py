"""Making a new model's folder: a template's files with names and classes filled in, checked as they would be run."""
