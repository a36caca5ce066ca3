"""Histories: what a client sends as its past, what is wrong with it, and what a failure means for it.

`turn` holds the neutral words, each dialect's `history` reads its own wire shape into them, and everything else here
works on those words alone: `pairs` and `faults` find what is out of order, `rollback` counts, `hint` says what the
client should do, `heal` mends, `forget` drops a stale handle, `quarantine` knows refused turns again. Nothing here
does I/O, and nothing here is called for a call that succeeds, unless its route heals.
"""
