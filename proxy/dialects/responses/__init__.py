"""The wire dialect of OpenAI's Responses."""
