"""The command `responder`, one module per noun."""
