"""Are rules sound? `check` holds them to their `cases`, to near misses (`near`), to each other (`contradict`), and to a chance to win (`cover`)."""
