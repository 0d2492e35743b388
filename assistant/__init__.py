"""The conversation: listens, takes turns, answers, and remembers what was heard."""
