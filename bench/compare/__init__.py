"""The command `compare`: every way of executing a block on the same blocks in one run, and which one won and why."""
