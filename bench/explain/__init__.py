"""Why a block is not faster: conflicts, critical path, costly locations, what would help; as table, JSON, HTML, trace."""
