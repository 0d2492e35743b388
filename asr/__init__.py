"""Listening: voice activity, end of turn, and streaming transcription of mono 16 kHz audio."""
