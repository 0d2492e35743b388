"""The wire: the OpenAI Realtime API as a protocol without I/O, a server around it, and a client."""
