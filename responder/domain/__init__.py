"""What mail means: pure rules and values, standard library only, no clock and no I/O."""
