"""Engines of TensorRT, made to see whether they can be: one strongly typed way for 10.3 to 11, and for TensorRT-RTX.

The module (`tensorrt` or `tensorrt_rtx`) is handed in and known by a few Protocols. What is made is not shipped: an
engine belongs to one kind of device, and is made there.
"""
