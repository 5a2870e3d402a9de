"""What an operation, a traced value and a running transform are."""
