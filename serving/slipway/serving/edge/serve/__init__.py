"""`slipway-edge serve`: models over HTTP, on a device and in the cloud.

A hand-written HTTP/1.1 server in one thread, whose parser is httptools: `head` and `connection` speak HTTP, `site`
knows the addresses, `inference` is one request to a model, `payloads` turns bodies into arrays and answers into
bodies. Models come from `models` and are exchanged while they answer; running them is the runtime's.

There is no TLS, no login and no limit for each caller here: that is for a proxy in front, and without one the server
listens to this machine alone.
"""
