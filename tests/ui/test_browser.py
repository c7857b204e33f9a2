"""The main job in a real browser, against the real server: launch, watch, compare, promote, try, end."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from workers.launch import experiments
from workers.yaml_file import read_spec

sync_api = pytest.importorskip("playwright.sync_api", reason="no playwright: the browser test needs the dev extra")

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ARGUMENTS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)
PATIENCE_MS = 60_000
MLP = next(path for path in experiments() if path.name == "digits_mlp.yaml")

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium found: install the package `chromium` to run this"
)

# the number of points of the chart with this title
POINTS = """
title => {
  const charts = [...document.querySelectorAll('.js-plotly-plot')];
  const chart = charts.find(chart => chart.layout?.title?.text?.replace(/<[^>]*>/g, '') === title);
  return chart ? Math.max(...chart.data.map(line => (line.x._inputArray ?? line.x).length)) : 0;
}
"""


@pytest.fixture(scope="module")
def server(live_home: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """`lockstep ui` on a free port: its address and its process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "ui.cli", "ui", "--port", str(port)],
        env={**os.environ, "LOCKSTEP_HOME": str(live_home), "COLUMNS": "200"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    try:
        said = process.stdout.readline()  # it speaks when it serves
        assert f"http://localhost:{port}" in said, said
        yield f"http://localhost:{port}", process
    finally:
        process.terminate()
        process.wait(20)
        process.stdout.close()


@pytest.fixture(scope="module")
def page(
    server: tuple[str, subprocess.Popen[str]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[sync_api.Page]:
    """A browser with the app open."""
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS.split())
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.set_default_timeout(PATIENCE_MS)
        sync_api.expect.set_options(timeout=PATIENCE_MS)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(server[0])
        yield page
        elsewhere = [url for url in asked if not url.startswith((server[0], "data:", "blob:", "ws:"))]
        assert elsewhere == [], "a page asked another server"
        page.screenshot(path=tmp_path_factory.mktemp("browser") / "last.png", full_page=True)
        browser.close()


def on_page(page: sync_api.Page, title: str) -> None:
    """Waits until this page is shown, and no other's rest."""
    sync_api.expect(page.get_by_role("heading", name=title, exact=True, level=1)).to_be_visible()
    assert page.get_by_test_id("stException").count() == 0


def launch(page: sync_api.Page, name: str, epochs: int) -> None:
    """Launches the example without code under another name, and waits until its run is shown."""
    page.get_by_role("link", name="Launch").click()
    on_page(page, "Launch")
    page.get_by_role("radio", name="digits-mlp").or_(page.get_by_role("button", name="digits-mlp")).first.click()
    field(page, "Name", "digits-mlp").fill(name)
    page.keyboard.press("Enter")
    field(page, "Epochs", str(read_spec(MLP)["epochs"])).fill(str(epochs))
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Launch", exact=True).click()
    on_page(page, "Runs")
    sync_api.expect(page.get_by_role("heading", name=re.compile(f"^{name}-"), level=3)).to_be_visible()


def field(page: sync_api.Page, label: str, value: str) -> sync_api.Locator:
    """The input with this label, once the form shows this value in it."""
    found = page.get_by_label(label, exact=True).first
    sync_api.expect(found).to_have_value(value)
    return found


def test_a_run_is_launched_and_its_curve_moves_until_it_has_finished(page):
    launch(page, "slow", 150)
    page.wait_for_function(f"({POINTS})('accuracy') >= 2")
    before = page.evaluate(POINTS, "accuracy")
    page.wait_for_function(f"({POINTS})('accuracy') > {before + 10}")
    sync_api.expect(
        page.get_by_test_id("stBadge").filter(has_text="running").or_(badge(page, "finished")).first
    ).to_be_visible()
    sync_api.expect(badge(page, "finished")).to_be_visible()
    sync_api.expect(page.get_by_text("100 % · epoch 150/150")).to_be_visible()
    sync_api.expect(page.get_by_role("button", name="Stop")).to_have_count(0)


def badge(page: sync_api.Page, text: str) -> sync_api.Locator:
    return page.locator("[data-testid=stMarkdownContainer]").get_by_text(text, exact=True)


def test_a_second_run_is_stopped(page):
    launch(page, "stopped", 100_000)
    page.wait_for_function(f"({POINTS})('accuracy') >= 1")
    page.get_by_role("button", name="Stop").click()
    sync_api.expect(badge(page, "stopped")).to_be_visible()


def test_two_runs_are_compared(page):
    launch(page, "quick", 20)
    sync_api.expect(badge(page, "finished")).to_be_visible()
    page.get_by_role("link", name="Compare").click()
    on_page(page, "Compare")
    sync_api.expect(page.get_by_text("Differing parameters")).to_be_visible()
    page.wait_for_function("document.querySelectorAll('.js-plotly-plot').length === 2")
    groups = page.evaluate(
        "[...new Set(document.querySelector('.js-plotly-plot').data.map(line => line.name.split(' ')[0]))].sort()"
    )
    assert groups == ["quick-1", "slow-1"]


def test_a_run_is_promoted_and_tried_on_a_drawing(page):
    page.get_by_role("link", name="Models").click()
    on_page(page, "Models")
    page.get_by_role("button", name="Promote", exact=True).click()
    sync_api.expect(page.get_by_text("are the same, bit for bit")).to_be_visible()
    sync_api.expect(page.get_by_text(re.compile("held-out rows: .* right"))).to_be_visible()
    sync_api.expect(page.get_by_text(re.compile("the label is"))).to_be_visible()
    page.get_by_role("radio", name="Draw").or_(page.get_by_role("button", name="Draw")).first.click()
    pad = page.locator(".pad")
    box = pad.bounding_box()
    assert box is not None
    x = box["x"] + box["width"] * 0.55
    page.mouse.move(x, box["y"] + box["height"] * 0.1)
    page.mouse.down()
    page.mouse.move(x, box["y"] + box["height"] * 0.9, steps=12)  # a stroke down: a one
    page.mouse.up()
    sync_api.expect(page.get_by_text("It says")).to_be_visible()
    sync_api.expect(page.get_by_text(re.compile("the label is"))).to_have_count(0)


def upgrade(server, host: str) -> int:
    """The status with which the server answers a WebSocket upgrade by a page of this host."""
    port = int(server[0].rsplit(":", 1)[1])
    request = (
        f"GET /_stcore/stream HTTP/1.1\r\nHost: {host}:{port}\r\nOrigin: http://{host}:{port}\r\n"
        "Connection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", port), timeout=20) as line:
        line.sendall(request.encode())
        return int(line.recv(4096).split()[1])


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "LOCALHOST"])
def test_this_machines_names_open_the_app(server, host):
    assert upgrade(server, host) == 101


@pytest.mark.parametrize("host", ["evil.com", "localhost.evil.com", "192.168.0.7"])
def test_a_foreign_name_that_points_here_is_refused(server, host):
    assert upgrade(server, host) == 403


def test_an_address_opens_its_page(page, server):
    page.goto(f"{server[0]}/compare")
    on_page(page, "Compare")
    sync_api.expect(page.get_by_role("link", name="Launch").first).to_be_visible()


def test_sigterm_ends_the_server(page, server):
    address, process = server
    process.send_signal(signal.SIGTERM)
    assert process.wait(15) == 0
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", int(address.rsplit(":", 1)[1]))) != 0
