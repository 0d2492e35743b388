"""Text to speech: one protocol (`engine`), one file per voice, the time of every word that is spoken."""
