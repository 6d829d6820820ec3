"""Pure rules: the standard library only, no clock, no randomness, no input or output."""
