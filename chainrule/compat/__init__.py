"""Other libraries' names, for people who move."""
