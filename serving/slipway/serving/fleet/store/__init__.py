"""The fleet store: devices, what they run and ran, what they told, and what was done with them; in a database."""
