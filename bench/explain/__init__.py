"""Why a block is not faster: conflicts, critical path, costly locations, and what would help."""
