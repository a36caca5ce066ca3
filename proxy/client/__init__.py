"""The way to one upstream: its connections, a request written onto one of them, and the answer's head or how it broke."""

from proxy.client.broke import Broke
from proxy.client.client import Client
from proxy.client.connections import Progress
from proxy.client.reply import Reply

__all__ = ["Broke", "Client", "Progress", "Reply"]
