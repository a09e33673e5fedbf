"""Running a bundle's model on this machine.

Owns the sessions (ONNX Runtime, TensorRT where there is one), their thread counts and providers, and the engine cache
of this device class. Gates run models through the same code, so that what is judged is what runs in the field.
"""
