"""draw: the tape as an SVG that is well formed and shows every step once."""

import itertools
from xml.etree import ElementTree

import pytest

import research as torch
from research import nn

SVG = "{http://www.w3.org/2000/svg}"


def words(svg):
    return [t.text for t in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def test_steps_leaves_and_shapes_are_shown():
    model = nn.Sequential(nn.Linear(4, 3), nn.ReLU())
    loss = model(torch.randn(2, 4)).sum()
    said = words(torch.draw(loss, dict(model.named_parameters())))
    assert {"0.weight", "0.bias", "linear", "relu", "sum", "float32[3, 4]", "result"} <= set(said)


def test_a_value_that_is_used_twice_is_one_box():
    x = torch.randn(3, requires_grad=True)
    y = x.sin()
    said = words(torch.draw(y * y.exp()))
    assert said.count("sin") == 1
    assert said.count("leaf") == 1


def test_boxes_of_a_layer_do_not_overlap():
    x = torch.randn(3, requires_grad=True)
    svg = torch.draw(torch.cat([x.sin(), x.cos(), x.exp(), x.tanh()]))
    boxes = [r.attrib for r in ElementTree.fromstring(svg).iter(f"{SVG}rect") if "rx" in r.attrib]
    rows = {}
    for b in boxes:
        rows.setdefault(b["y"], []).append((float(b["x"]), float(b["x"]) + float(b["width"])))
    assert max(map(len, rows.values())) == 4
    for row in rows.values():
        row.sort()
        assert all(end <= start for (_, end), (start, _) in itertools.pairwise(row))


def test_names_cannot_break_the_picture():
    x = torch.randn(3, requires_grad=True)
    assert "<a & b>" in words(torch.draw(x.sin(), {"<a & b>": x}))


def test_it_is_written_to_a_file(tmp_path):
    picture = torch.draw(torch.randn(3, requires_grad=True).sin())
    picture.save(tmp_path / "tape.svg")
    assert (tmp_path / "tape.svg").read_text() == picture == picture._repr_svg_()


def test_what_cannot_be_drawn_is_said():
    with pytest.raises(ValueError, match=r"float32\[2\] has no history"):
        torch.draw(torch.zeros(2))
    x = torch.zeros(1, requires_grad=True)
    y = x
    for _ in range(2100):
        y = y + 1
    with pytest.raises(ValueError, match="at most 2000 steps"):
        torch.draw(y)
