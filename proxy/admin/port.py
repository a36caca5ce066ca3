"""The admin port's socket, opened and closed."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from proxy.config import Address


@dataclass(frozen=True, slots=True)
class Port:
    host: str
    port: int
    _runner: web.AppRunner

    async def close(self) -> None:
        await self._runner.cleanup()


async def open_port(app: web.Application, address: Address) -> Port:
    """Raises OSError where the address cannot be had."""
    runner = web.AppRunner(app, access_log=None, handle_signals=False)
    await runner.setup()
    try:
        await web.TCPSite(runner, address.host or None, address.port).start()
    except BaseException:
        await runner.cleanup()
        raise
    bound = runner.addresses[0]
    return Port(bound[0], bound[1], runner)
