"""The wire dialect of Google's generateContent."""
