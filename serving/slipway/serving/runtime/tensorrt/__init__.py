"""Native TensorRT, 10.3 to 11, and TensorRT-RTX: engines made on the device, kept, and run.

`tensorrt` may belong to another Python than ours (JetPack's). So there are two sides:

- `module`, `tensors`, `cuda`, `making`, `engine` and the script `worker` need numpy and the standard library alone, and
  run under whichever interpreter owns the module;
- `profiles`, `asking`, `building`, `cache`, `native`, `process` and `remote` are ours.
"""
