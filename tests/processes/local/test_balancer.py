"""The load balancer's configuration: which services are behind it, and that HAProxy accepts it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tradewind.blueprint import services
from tradewind.config import load
from tradewind.errors import ExitCode, TradewindError
from tradewind.local import balancer
from tradewind.local.balancer import Balanced, configuration
from tradewind.local.paths import StateDirectory

ROOT = Path(__file__).parents[3]


@pytest.fixture
def both() -> tuple[Balanced, ...]:
    by_name = {s.name: s for s in services(load(ROOT / "tradewind.yaml").environment("dev"))}
    return (
        Balanced(by_name["web"], 20001, (20011, 20012, 20013, 20014)),
        Balanced(by_name["flower"], 20002, (20021, 20022, 20023, 20024)),
    )


def test_each_place_is_a_server_that_is_checked(both: tuple[Balanced, ...]) -> None:
    text = configuration(both)

    assert text.count("check inter") == 8
    assert "bind 127.0.0.1:20001" in text
    assert "server web-4 127.0.0.1:20014 check" in text
    assert "option httpchk GET /execution/health" in text
    assert "option httpchk GET /flower/healthcheck" in text
    assert "0.0.0.0" not in text


def test_a_browser_stays_with_its_copy_only_where_it_must(both: tuple[Balanced, ...]) -> None:
    web, flower = configuration(both).split("frontend flower")

    assert "cookie" not in web
    assert "cookie COPY insert" in flower
    assert "cookie 3" in flower


@pytest.mark.skipif(balancer.program() is None, reason="there is no haproxy")
def test_haproxy_accepts_it(both: tuple[Balanced, ...], tmp_path: Path) -> None:
    file = tmp_path / "haproxy.cfg"
    file.write_text(configuration(both))

    result = subprocess.run([str(balancer.program()), "-c", "-f", str(file)], capture_output=True, text=True)

    assert result.returncode == 0, result.stderr


def test_without_haproxy(both: tuple[Balanced, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(balancer, "program", lambda: None)

    with pytest.raises(TradewindError, match="need a load balancer") as caught:
        balancer.spec(StateDirectory(tmp_path), both, {})

    assert caught.value.code == ExitCode.USAGE
