"""What outlives a call and is shared by workers and replicas: quarantined turns, gate notes, claims, counts.

`base` says what a store promises, `memory` keeps it in this process, `redis` shares it. What is kept, and what it
means, is left to those who keep it: a store sees keys and bytes, and no key or value holds a secret or a message.
"""
