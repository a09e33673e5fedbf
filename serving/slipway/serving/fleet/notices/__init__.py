"""What needs a person: grouped by cause, each with the next command, sent by settings, silenced until a moment."""
