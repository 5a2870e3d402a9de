"""The objectives of ADBench as plain NumPy, and their inputs."""
