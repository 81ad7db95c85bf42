"""The HTTP rim: the ASGI application, signatures, and who may call."""
