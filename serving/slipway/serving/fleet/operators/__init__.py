"""People who speak to the fleet service: requests signed with their own keys, sessions of the console, roles."""
