"""What may run together: a pure scheduler over read and write sets; no I/O, no EVM, no Ray."""
