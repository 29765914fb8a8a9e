"""What the service does with its rules and rows; services own transactions."""
