"""A drawing pad of h × w squares in the browser: press and move to ink, with Shift or the right button to rub out."""

import numpy as np
import streamlit as st

FULL = 16  # levels of ink, as in the scanned digits
_CSS = """
.pad { display: grid; gap: 2px; width: 100%; max-width: 240px; box-sizing: border-box;
       touch-action: none; cursor: crosshair; user-select: none;
       border: 1px solid var(--st-border-color, #d0d5dd); border-radius: 8px; padding: 6px;
       background: var(--st-secondary-background-color, #f2f4f7); }
.pad div { aspect-ratio: 1; border-radius: 3px; background: #fff; }
.foot { display: flex; gap: 12px; align-items: center; justify-content: space-between;
        margin-top: 8px; max-width: 240px; }
.foot button { font: inherit; font-size: 14px; padding: 4px 14px; border-radius: 8px; cursor: pointer;
               border: 1px solid var(--st-border-color, #d0d5dd); background: var(--st-background-color, #fff);
               color: var(--st-text-color, #222); }
.foot span { font-family: var(--st-font, sans-serif); font-size: 13px; color: var(--st-text-color, #222);
             opacity: .65; }
"""
_HTML = """
<div class="pad" role="grid" aria-label="Drawing pad"></div>
<div class="foot"><span>press and move to draw</span><button type="button">Clear</button></div>
"""
# Ink is soft at the edges, as a pen's is after a scan: a square takes full ink, its four neighbours a little.
_JS = """
export default function (component) {
  const { parentElement, data, setStateValue } = component;
  const pad = parentElement.querySelector('.pad');
  const rows = data.rows, columns = data.columns, full = data.full;
  if (pad.childElementCount === rows * columns) return;
  pad.style.gridTemplateColumns = `repeat(${columns}, 1fr)`;
  const ink = (data.ink && data.ink.length === rows * columns) ? [...data.ink] : new Array(rows * columns).fill(0);
  const squares = ink.map((_, i) => {
    const square = document.createElement('div');
    square.dataset.i = i;
    pad.appendChild(square);
    return square;
  });
  const show = () => squares.forEach((square, i) => {
    const grey = Math.round(255 * (1 - ink[i] / full));
    square.style.background = `rgb(${grey},${grey},${grey})`;
  });
  const raise = (row, column, to) => {
    if (row < 0 || row >= rows || column < 0 || column >= columns) return;
    const i = row * columns + column;
    ink[i] = Math.max(ink[i], to);
  };
  let drawing = false, rubbing = false;
  const touch = (event) => {
    const root = pad.getRootNode();
    const square = root.elementFromPoint(event.clientX, event.clientY);
    if (!square || square.dataset.i === undefined) return;
    const i = Number(square.dataset.i), row = Math.floor(i / columns), column = i % columns;
    if (rubbing) { ink[i] = 0; } else {
      raise(row, column, full);
      for (const [dr, dc] of [[0, 1], [0, -1], [1, 0], [-1, 0]]) raise(row + dr, column + dc, full * 0.25);
    }
    show();
  };
  pad.addEventListener('contextmenu', (event) => event.preventDefault());
  pad.addEventListener('pointerdown', (event) => {
    drawing = true; rubbing = event.shiftKey || event.button === 2;
    event.preventDefault(); touch(event);
  });
  pad.addEventListener('pointermove', (event) => { if (drawing) touch(event); });
  const end = () => { if (drawing) { drawing = false; setStateValue('ink', [...ink]); } };
  window.addEventListener('pointerup', end);
  parentElement.querySelector('button').onclick = () => { ink.fill(0); show(); setStateValue('ink', [...ink]); };
  show();
  return () => window.removeEventListener('pointerup', end);
}
"""
_pad = st.components.v2.component("lockstep_drawing_pad", html=_HTML, css=_CSS, js=_JS)


def pad(rows: int, columns: int, key: str) -> np.ndarray | None:
    """The pad; its drawing as (rows, columns) from 0 to 1, or None while nothing is drawn."""
    before = (st.session_state.get(key) or {}).get("ink")
    drawn = _pad(
        key=key,
        data={"rows": rows, "columns": columns, "full": FULL, "ink": before},
        on_ink_change=lambda: None,
        default={"ink": None},
    )
    ink = drawn.get("ink")
    if not ink or len(ink) != rows * columns or not any(ink):
        return None
    return np.asarray(ink, dtype=np.float64).reshape(rows, columns) / FULL
