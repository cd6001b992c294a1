"""Tests, and the doubles they stand on."""
