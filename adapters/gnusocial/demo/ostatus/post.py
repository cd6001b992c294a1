"""The site's letters to other sites: one after the other, in order; what fails is counted and let go."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import aiohttp

from adapters.gnusocial.demo.things import ApiError

AGENT = "GNU social/1.20.10-release (The Invicta Crusade)"
_SECONDS = 10.0

Job = Callable[[], Awaitable[object]]


class Postman:
    """Works while `run` does."""

    def __init__(self) -> None:
        self.failures: list[str] = []
        """Why letters did not arrive, the latest last."""
        self._jobs: asyncio.Queue[Job] = asyncio.Queue()
        self._session: aiohttp.ClientSession | None = None

    async def run(self) -> None:
        timeout = aiohttp.ClientTimeout(total=_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout, headers={"User-Agent": AGENT}) as session:
            self._session = session
            while True:
                job = await self._jobs.get()
                try:
                    await job()
                except (OSError, ApiError, ValueError) as error:
                    self.failures.append(str(error) or type(error).__name__)
                finally:
                    self._jobs.task_done()

    def put(self, job: Job) -> None:
        """To be done when its turn comes."""
        self._jobs.put_nowait(job)

    async def settled(self) -> None:
        """Until nothing is left to do."""
        await self._jobs.join()

    async def get(self, url: str, accept: str = "*/*") -> tuple[int, bytes]:
        """Raises `OSError`."""
        return await self._ask("GET", url, None, {"Accept": accept})

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Raises `OSError`, for answers that are none of success, too."""
        status, said = await self._ask("POST", url, body, headers)
        if not 200 <= status < 300:
            raise OSError(f"{url} answered {status}: {said[:200].decode('utf-8', 'replace')}")

    async def _ask(self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> tuple[int, bytes]:
        if self._session is None:
            raise OSError("the site is not running")
        try:
            async with self._session.request(method, url, data=body, headers=headers) as answer:
                return answer.status, await answer.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise OSError(f"{url}: {error}") from error
