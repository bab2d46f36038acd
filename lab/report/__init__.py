"""What was seen, written: one module a format, without any logic of their own."""
