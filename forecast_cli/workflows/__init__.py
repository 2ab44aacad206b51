"""One function per command, returning values: the public Python interface."""
