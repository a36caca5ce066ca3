"""The wire dialect of Anthropic's messages."""
