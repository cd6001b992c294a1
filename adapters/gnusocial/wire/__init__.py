"""The API as it goes over HTTP."""
