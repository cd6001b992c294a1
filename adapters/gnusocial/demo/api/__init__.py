"""What the stand-in answers under `/api/`."""
