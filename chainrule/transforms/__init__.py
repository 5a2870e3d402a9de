"""One file per transform: what travels, what happens at an operation, the public function."""
