"""Histories: what a client sends as its past, what is wrong with it, and what a failure means for it.

`turn` holds the neutral words, each dialect's `history` reads its own wire shape into them, and everything else here
works on those words alone: `pairs` and `faults` find what is out of order, `rollback` counts, `hint` says what the
client should do, `heal` mends with the `mend_` stages, `forget` drops a stale handle, `quarantine` knows refused turns
again by their `chain`, `replays` knows refused requests. Nothing here does I/O but through a store that is passed in,
and nothing here is called for a call that succeeds, unless its route heals.
"""
