"""The decoder: a dialogue in, tokens out, on a KV cache that is cut where the user broke in."""
