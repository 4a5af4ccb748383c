"""Mails that nobody would think of: what comes in, fuzzed from the corpus, and held to its ``laws``."""
