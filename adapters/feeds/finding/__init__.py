"""From what people type to what can be followed."""
