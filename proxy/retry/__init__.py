"""Retries that help and never multiply.

Deciding is pure: `patience.py` reads what the caller allows, `alone.py` knows what it would do by itself, `repeatable.py`
which calls may be sent again, `decide.py` weighs them against the schedule, `budget.py` and `pace.py`; `steer.py` says what the client is told about its own retries,
`gate.py` which calls are not worth sending. Clock and chance are passed in. Only `drive.py` and `pause.py` wait.
"""
