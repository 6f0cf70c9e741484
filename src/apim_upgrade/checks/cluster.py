"""
The workers of a Dask cluster, for estates that outgrow one machine.

Dask is an optional extra and is imported only here, when a scheduler is named. A batch travels inside its task, not as
data of a worker: a worker that dies takes nothing with it, and Dask gives the batch to another.
"""

from __future__ import annotations

import asyncio
import logging
import platform
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import CancelledError
from contextlib import contextmanager
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from apim_upgrade.errors import EnvironmentProblem
from apim_upgrade.migrations.parallel import Workers

if TYPE_CHECKING:
    from distributed import Client, Future

Item = TypeVar("Item")
Result = TypeVar("Result")

EXTRA = "apim-upgrade[dask]"
_ALIKE = ("apim-upgrade", "dask", "distributed", "graphql-core", "lxml", "pyyaml")
"""Packages that have to be the same everywhere: those that carry the work, and those on which judgements depend."""
_CONNECT = 10.0
"""Seconds in which a scheduler has to accept a connection."""
_LOOK = 5.0
"""Seconds between two looks at whether there is still a worker."""
_PATIENCE = 60.0
"""Seconds that a cluster may be without any worker; one that is started anew is back sooner."""


@contextmanager
def cluster(address: str) -> Iterator[Workers]:
    """
    Connect to the scheduler at an address such as ``tcp://host:8786`` for the length of the block.

    For ``tls://`` the certificates are those of Dask's own configuration. Raises EnvironmentProblem when the extra is
    not installed, nobody answers, there is no worker, or the versions of scheduler, workers and this process differ.
    """
    try:
        import dask
        from distributed import Client
    except ImportError as error:
        raise EnvironmentProblem(
            f"--scheduler needs Dask, and {error.name or 'it'} is not installed.",
            hint=f"Install it: pip install '{EXTRA}'",
        ) from error
    for name in ("distributed", "distributed.client"):  # what it has to say is said once, by an EnvironmentProblem
        logging.getLogger(name).setLevel(logging.CRITICAL)
    _require_alike(address, _answers(address))
    # Dask takes a batch of large definitions for a mistake; they are bounded by how many are under way.
    with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 TiB"}):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                client = Client(address, timeout=_CONNECT, set_as_default=False, name="apim-upgrade")
        except (OSError, ValueError, TypeError, ImportError) as error:
            raise _unreachable(address, error) from error
        try:
            yield _Cluster(address, client)
        finally:
            client.close()


class _Cluster:
    """Workers of a cluster that answers."""

    def __init__(self, address: str, client: Client) -> None:
        self._address = address
        self._client = client
        self._ended: EnvironmentProblem | None = None

    def in_order(
        self, function: Callable[[Item], Result], items: Iterable[Item], *, few: int, batch: int
    ) -> Iterator[Result]:
        """Send every item to the cluster: its workers run already, so that nothing is too few for them."""
        source = iter(items)
        waiting: deque[Future[list[Result]]] = deque()
        ahead = 2 * max(sum(self._ask(self._client.nthreads).values()), 1)
        alike = _installed()
        while part := list(islice(source, batch)):
            waiting.append(self._ask(self._client.submit, _each, function, part, alike, pure=False))
            if len(waiting) >= ahead:
                yield from self._ask(self._result, waiting.popleft())
        while waiting:
            yield from self._ask(self._result, waiting.popleft())

    def _ask(self, question: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """Ask the cluster; what has once ended it is told to everyone who asks again."""
        from distributed import KilledWorker

        if self._ended is not None:
            raise self._ended
        try:
            return question(*arguments, **named)
        except KilledWorker as error:
            self._ended = EnvironmentProblem(
                f"Workers of the Dask cluster at {self._address} died {error.allowed_failures + 1} times over the same "
                "definitions, most likely because memory ran out.",
                hint="Give workers more memory or fewer threads, see their logs, and check again.",
            )
            raise self._ended from error
        except (CancelledError, OSError) as error:
            self._ended = EnvironmentProblem(
                f"The connection to the Dask scheduler at {self._address} was lost.",
                hint="See whether it still runs, and check again.",
            )
            raise self._ended from error
        except ImportError as error:
            self._ended = _different(self._address, [f"a worker that came later has no {error.name}"])
            raise self._ended from error
        except EnvironmentProblem as problem:
            self._ended = problem
            raise

    def _result(self, future: Future[list[Result]]) -> list[Result]:
        lonely: float | None = None
        while True:
            try:
                return future.result(timeout=_LOOK)
            except TimeoutError:
                if future.done():
                    raise
            if self._client.nthreads():
                lonely = None
                continue
            lonely = lonely or time.monotonic()
            if time.monotonic() - lonely >= _PATIENCE:
                raise EnvironmentProblem(
                    f"The Dask cluster at {self._address} has no workers any more.",
                    hint="See their logs, start workers, and check again.",
                )


def _each(function: Callable[[Item], Result], items: list[Item], alike: Mapping[str, str]) -> list[Result]:
    """Work a batch; runs on a worker, which may have come after the others were asked what they have."""
    if differing := _differing("a worker that came later", _installed(), alike):
        raise _different("", differing)
    return [function(item) for item in items]


@cache
def _installed() -> Mapping[str, str]:
    """The versions here of what has to be the same everywhere."""
    found = {"Python": ".".join(platform.python_version_tuple()[:2])}
    for name in _ALIKE:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = ""
    return found


def _answers(address: str) -> Mapping[str, Mapping[str, str]]:
    """What the scheduler and every worker have installed, by who it is; asked before a client waits without end."""
    try:
        return asyncio.run(asyncio.wait_for(_ask_versions(address), 3 * _CONNECT))
    except (OSError, ValueError, TypeError) as error:
        raise _unreachable(address, error) from error


async def _ask_versions(address: str) -> Mapping[str, Mapping[str, str]]:
    from distributed import Security
    from distributed.core import rpc

    packages = list(_ALIKE)
    security = Security().get_connection_args("client")
    scheduler = rpc(address, connection_args=security, timeout=_CONNECT)
    try:
        own = await scheduler.versions(packages=packages)
        workers = await scheduler.broadcast(msg={"op": "versions", "packages": packages}, on_error="ignore")
    finally:
        await scheduler.close_rpc()
    answers = {"the scheduler": own, **{f"worker {name}": answer for name, answer in workers.items()}}
    return {who: _told(answer["packages"]) for who, answer in answers.items()}


def _told(packages: Mapping[str, str | None]) -> Mapping[str, str]:
    found = {"Python": ".".join((packages["python"] or "").split(".")[:2])}
    return found | {name: packages.get(name) or "" for name in _ALIKE}


def _require_alike(address: str, answers: Mapping[str, Mapping[str, str]]) -> None:
    if len(answers) == 1:
        raise EnvironmentProblem(
            f"The Dask scheduler at {address} has no workers.", hint=f"Start some: dask worker {address} --nthreads 1"
        )
    if differing := [text for who, has in answers.items() for text in _differing(who, has, _installed())]:
        raise _different(address, differing)


def _differing(who: str, has: Mapping[str, str], alike: Mapping[str, str]) -> list[str]:
    return [
        f"{who} has {name} {has[name]}, not {wanted}" if has[name] else f"{who} has no {name}"
        for name, wanted in alike.items()
        if has[name] != wanted
    ]


def _different(address: str, differing: list[str]) -> EnvironmentProblem:
    where = f"The Dask cluster at {address}" if address else "The Dask cluster"
    more = f", and {len(differing) - 1:,} more differences" if len(differing) > 1 else ""
    return EnvironmentProblem(
        f"{where} would not judge as this machine does: {differing[0]}{more}.",
        hint=f"Install the same {EXTRA} and Python on the scheduler and on every worker.",
    )


def _unreachable(address: str, error: Exception) -> EnvironmentProblem:
    if isinstance(error, TimeoutError):
        why, hint = "nobody answered in the way of a Dask scheduler", "Give the address that `dask scheduler` printed."
    elif isinstance(error, OSError):
        why = f"nobody listens within {_CONNECT:.0f} seconds" if str(error).startswith("Timed out") else str(error)
        hint = "Start it (dask scheduler), open its port to this machine, or give another address."
    elif isinstance(error, TypeError):  # how Dask says that it has no certificates
        why = "there are no certificates for tls://"
        hint = "Set distributed.comm.tls.ca-file and distributed.comm.tls.client in Dask's configuration."
    else:
        why, hint = str(error), "Give an address such as tcp://host:8786."
    return EnvironmentProblem(f"The Dask scheduler at {address!r} cannot be reached: {why.rstrip('.')}.", hint=hint)
