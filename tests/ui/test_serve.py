"""How the server is started: what keeps pages from elsewhere out is always in the command."""

import pytest
import streamlit.config

from ui import serve


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.0.0.2"])
def test_a_server_for_this_machine_answers_to_its_names_alone(host):
    names = {flag.partition("=")[2] for flag in serve.command(host, 8501) if flag.startswith("--server.allowedHosts=")}
    assert names == {"localhost", "127.0.0.1", "::1", host}


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_a_server_for_others_answers_to_any_name(host):
    assert "allowedHosts" not in " ".join(serve.command(host, 8501))


def test_an_older_streamlit_loses_looks_but_no_safety(monkeypatch):
    monkeypatch.setattr(streamlit.config, "get_config_options", dict)
    flags = " ".join(serve.command("127.0.0.1", 8501))
    assert "theme" not in flags
    for safety in ("server.enableCORS=true", "server.enableXsrfProtection=true", "server.allowedHosts=localhost"):
        assert f"--{safety}" in flags
