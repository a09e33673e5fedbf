"""From a finished training to a bundle: the network as ONNX in each variant, golden answers, distributions, manifest.

Export is work like a training: it has a key, runs in the same runner, anywhere, once. The child (`main`) writes the
bundle's files as the files of its result and talks to nobody; `keeping` makes a bundle of them in the store.
"""
