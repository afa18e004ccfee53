"""The words of the command ``stream``."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cloudchamber.cli import main


def test_settings_of_the_named_stream_are_flags(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["stream", "bolometer", "tod.h5", "--stream", "planck", "--help"])
    shown = capsys.readouterr().out
    assert "--settings.sun.phi-mv" in shown and "180.3737" in shown and "--run" in shown


def test_default_settings_may_be_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that tells itself what it holds takes none but these; what is made is shown beside its length."""
    words = ["stream", "toy", str(tmp_path / "a.h5")]
    main([*words, "--duration", "1min", "--start", "2030-01-01"])
    assert "600 samples of 2 channels in " in capsys.readouterr().out
    main([*words, "--settings.light-pe", "40"])
    assert re.search(r"^0 samples of 2 channels in \S+ s, 600 were there", capsys.readouterr().out)
    with pytest.raises(SystemExit):
        main([*words, "--settings.light-pe", "41"])
    assert "settings goes with a duration and a start" in capsys.readouterr().err
