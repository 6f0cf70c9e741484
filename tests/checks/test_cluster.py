"""Definitions judged on a Dask cluster of real processes: the same judgements, and one sentence where it cannot be."""

from __future__ import annotations

import builtins
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dask
import distributed
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from apim_upgrade.checks import cluster as module
from apim_upgrade.checks import open_subject
from apim_upgrade.checks.cluster import cluster
from apim_upgrade.checks.definitions import judgements, repairs
from apim_upgrade.cli import main
from apim_upgrade.errors import EnvironmentProblem
from apim_upgrade.estate import read_estate
from apim_upgrade.migrations.parallel import Processes
from apim_upgrade.migrations.upgrade import Choices
from apim_upgrade.project.checking import CheckChoices
from apim_upgrade.releases import Release
from checks.test_definition_rules import replaced
from conftest import Pair
from execution.site import change

Clusters = Callable[..., distributed.LocalCluster]


def squared(number: int) -> tuple[int, int]:
    return number * number, os.getpid()


def killed_once(file: str) -> str:
    """End this worker with the first call of all."""
    path = Path(file)
    if not path.exists():
        path.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return file


def killed(number: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return number


def slow(number: int) -> int:
    time.sleep(30)
    return number


def refused(number: int) -> int:
    raise ValueError(f"{number} is refused")


def without_a_package(number: int) -> int:
    raise ModuleNotFoundError("No module named 'apim_upgrade'", name="apim_upgrade")


@pytest.fixture(scope="module")
def start() -> Iterator[Clusters]:
    """Clusters on the loopback interface; their workers are processes and learn where the tests lie."""
    started: list[distributed.LocalCluster] = []

    def started_cluster(workers: int = 2, **more: Any) -> distributed.LocalCluster:
        started.append(
            distributed.LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                processes=True,
                host="127.0.0.1",
                dashboard_address="127.0.0.1:0",
                silence_logs=50,
                **more,
            )
        )
        return started[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(path for path in sys.path if path))
        yield started_cluster
        for each in started:
            each.close(timeout=10)


@pytest.fixture(scope="module")
def address(start: Clusters) -> str:
    return str(start().scheduler_address)


def _certificate(file: Path) -> Path:
    """Write a key and a certificate that vouches for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    written = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(written + certificate.public_bytes(pem))
    return file


def ended_by(address: str, function: Callable[[int], Any] = squared) -> str:
    with pytest.raises(EnvironmentProblem) as caught, cluster(address) as workers:
        list(workers.in_order(function, range(3), few=0, batch=2))
    assert caught.value.hint
    return caught.value.message


def test_results_come_in_order_from_other_processes(address: str) -> None:
    with cluster(address) as workers:
        results = list(workers.in_order(squared, range(100), few=5, batch=3))
        assert list(workers.in_order(squared, [], few=5, batch=3)) == []
    assert [result for result, _ in results] == [number * number for number in range(100)]
    processes = {process for _, process in results}
    assert os.getpid() not in processes
    assert len(processes) == 2


def test_items_are_taken_no_faster_than_results(address: str) -> None:
    taken = 0

    def items() -> Iterator[int]:
        nonlocal taken
        for number in range(1000):
            taken += 1
            yield number

    with cluster(address) as workers:
        results = workers.in_order(squared, items(), few=5, batch=5)
        for _ in range(10):
            next(results)
    assert taken <= 10 + 5 * 2 * 2


def test_an_estate_is_judged_and_repaired_as_by_processes(
    address: str, sample_estate: Callable[..., Pair], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pair = sample_estate("4.2.0")
    change(pair.shared, replaced("swagger.json", "{]"))
    estate = read_estate(pair.by_name(), "4.2.0")
    told = []
    with cluster(address) as workers:
        for each in (Processes(1), workers):
            asked = (pair.by_name(), estate, Release.parse("4.7.0"), Choices(), CheckChoices())
            with open_subject(*asked, workers=each) as subject:
                told.append((judgements(subject), list(repairs(subject))))
    assert told[0] == told[1]
    assert sum(told[0][0].counts.values()) > 36
    assert not all(judged.verdict.acceptable for judged in told[0][0].remarkable)

    project = tmp_path / "upgrade.toml"
    urls = [
        f'[database.{name}]\nurl = "postgresql://postgres@/{each.address.database}?host={each.address.host}"'
        for name, each in pair.by_name().items()
    ]
    project.write_text("\n".join(['target = "4.7.0"', *urls]), encoding="utf-8")
    check = ["check", "--project", str(project), "--select", "DEF", "--format", "json"]
    reports = []
    for option in (("--jobs", "1"), ("--scheduler", address)):
        assert main([*check, *option]) == 0
        reports.append(json.loads(capsys.readouterr().out))
    assert reports[0]["findings"] == reports[1]["findings"] != []
    assert reports[0]["looked_at"] == reports[1]["looked_at"]
    assert main([*check, "--jobs", "1", "--scheduler", address]) == 2


def test_tls_takes_the_certificates_of_dasks_configuration(start: Clusters, tmp_path: Path) -> None:
    file = str(_certificate(tmp_path / "dask.pem"))
    tls = "distributed.comm.tls"
    own = {f"{tls}.{role}.{part}": file for role in ("scheduler", "worker", "client") for part in ("cert", "key")}
    with dask.config.set({f"{tls}.ca-file": file, **own}):
        address = start(1, protocol="tls://", security=distributed.Security()).scheduler_address
        assert address.startswith("tls://")
        with cluster(address) as workers:
            assert [result for result, _ in workers.in_order(squared, range(3), few=0, batch=2)] == [0, 1, 4]


def test_a_batch_outlives_its_worker(start: Clusters, tmp_path: Path) -> None:
    file = str(tmp_path / "seen")
    with cluster(start().scheduler_address) as workers:
        assert list(workers.in_order(killed_once, [file] * 6, few=0, batch=2)) == [file] * 6


def test_what_kills_every_worker_ends_the_work_for_good(start: Clusters) -> None:
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        cluster(start(1).scheduler_address) as workers,
    ):
        with pytest.raises(EnvironmentProblem, match="died 1 times over the same definitions"):
            list(workers.in_order(killed, range(1), few=0, batch=1))
        with pytest.raises(EnvironmentProblem, match="died 1 times"):
            list(workers.in_order(squared, range(1), few=0, batch=1))


def test_workers_that_are_gone_are_told(start: Clusters, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LOOK", 0.1)
    monkeypatch.setattr(module, "_PATIENCE", 0.5)
    local = start(1)
    with cluster(local.scheduler_address) as workers:
        results = workers.in_order(slow, range(1), few=0, batch=1)
        local.scale(0)
        with pytest.raises(EnvironmentProblem, match="has no workers any more"):
            next(results)
    assert "has no workers" in ended_by(local.scheduler_address)


def test_a_scheduler_that_ends_is_told(start: Clusters, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CONNECT", 4.0)
    monkeypatch.setattr(module, "_LOOK", 0.1)
    local = start(1)
    with cluster(local.scheduler_address) as workers:
        local.close()
        with pytest.raises(EnvironmentProblem, match=r"The connection to the Dask scheduler at .* was lost"):
            list(workers.in_order(squared, range(10), few=0, batch=1))


def test_an_error_of_the_work_is_not_the_clusters(address: str) -> None:
    with cluster(address) as workers, pytest.raises(ValueError, match="0 is refused"):
        list(workers.in_order(refused, range(3), few=0, batch=2))


def test_a_scheduler_that_cannot_be_reached_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CONNECT", 1.0)
    with socket.socket() as mute, socket.socket() as shut:
        for each in (mute, shut):
            each.bind(("127.0.0.1", 0))
        mute.listen()
        assert "nobody answered in the way" in ended_by(f"tcp://127.0.0.1:{mute.getsockname()[1]}")
        nobody = f"127.0.0.1:{shut.getsockname()[1]}"
        assert "nobody listens within" in ended_by(f"tcp://{nobody}")
        assert "there are no certificates for tls://" in ended_by(f"tls://{nobody}")
    assert "unknown address scheme 'http'" in ended_by("http://127.0.0.1:1")
    assert "missing port number" in ended_by("here")


def test_other_versions_are_told_before_and_during_the_work(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    here = {**module._installed(), "apim-upgrade": "9.9.9", "lxml": "1.0"}
    monkeypatch.setattr(module, "_installed", lambda: here)
    message = ended_by(address)
    assert "the scheduler has apim-upgrade " in message
    assert ", not 9.9.9, and 5 more differences." in message
    monkeypatch.setattr(module, "_require_alike", lambda *answers: None)
    assert "a worker that came later has apim-upgrade " in ended_by(address)
    monkeypatch.undo()
    assert "a worker that came later has no apim_upgrade" in ended_by(address, without_a_package)


def test_a_cluster_without_the_tool_is_told() -> None:
    told = module._told({"python": "3.11.7.final.0", "dask": "1", "apim-upgrade": None})
    assert module._differing("worker x", told, {"Python": "3.11", "dask": "1", "apim-upgrade": "0.1.0"}) == [
        "worker x has no apim-upgrade"
    ]


def test_without_the_extra_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *arguments: Any) -> Any:
        if name.partition(".")[0] in ("dask", "distributed"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return real(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", without)
    remedy = r"dask is not installed\. .*pip install 'apim-upgrade\[dask\]'"
    with pytest.raises(EnvironmentProblem, match=remedy), cluster("tcp://127.0.0.1:1"):
        raise AssertionError
