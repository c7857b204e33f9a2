"""What the README shows runs as it stands there."""

import re
from pathlib import Path

import production as tf

README = (Path(__file__).parent.parent / "README.md").read_text()


def test_the_readmes_programs_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    program = "\n".join(re.findall(r"```python\n(.*?)```", README, re.S))
    with tf.Graph().as_default():
        exec(compile(program, "README.md", "exec"), {})
    assert "[1 0]" in capsys.readouterr().out


def test_the_readmes_spec_is_valid(tmp_path):
    from workers.experiment import Experiment

    (spec,) = re.findall(r"```yaml\n(.*?)```", README, re.S)
    (tmp_path / "spec.yaml").write_text(spec)
    assert Experiment.from_yaml(tmp_path / "spec.yaml").name == "digits-mlp"
