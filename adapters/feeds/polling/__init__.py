"""Looking at feeds again and again, without being a burden to anybody."""
