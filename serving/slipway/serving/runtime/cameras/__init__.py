"""Frames from cameras, files and rendered scenarios, and how a camera is.

`opening` makes a source of an address, `feed` says what one connection to a camera is, `reconnecting` keeps a camera
alive in threads of its own, `stored` reads what waits, and `health` judges how a camera is from what it shows.
"""
