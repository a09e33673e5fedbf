"""An incident on one screen: what changed lately, what runs where, what is wrong now, and the safest next command."""
