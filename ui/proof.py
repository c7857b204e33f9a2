"""The proof of a promotion, in words and in rows."""

from collections.abc import Mapping, Sequence
from typing import Any

from ui import words


def in_words(proof: Mapping[str, Any]) -> str:
    """One or two sentences: what was compared, and with what result."""
    batches = batches_of(proof)
    if not proof.get("bit_for_bit"):
        return "This version carries no proof that it computes the same as the run it came from."
    sizes = ", ".join(str(rows) for rows in sorted({batch["rows"] for batch in batches if "rows" in batch}))
    compared = sum(int(batch.get("bytes", 0)) for batch in batches)
    text = (
        f"Recorded as a static graph, saved, loaded again, and compared with the research model on "
        f"{len(batches)} batches of {sizes} rows: "
        f"all {compared:,} bytes of output are the same, bit for bit."
    )
    if "operations" in proof:
        graph = words.plural(int(proof["operations"]), "op")
        text += f" The graph has {graph} and {words.plural(int(proof.get('variables', 0)), 'weight array')}."
    return text


def batches_of(proof: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The batches that were compared."""
    batches = proof.get("batches", ())
    return batches if isinstance(batches, list | tuple) else ()


def rows(proof: Mapping[str, Any]) -> dict[str, list[Any]]:
    """A table: a row a batch."""
    batches = batches_of(proof)
    return {
        "batch": [str(batch.get("batch", "")) for batch in batches],
        "rows": [batch.get("rows") for batch in batches],
        "bytes": [batch.get("bytes") for batch in batches],
        "result": ["equal, bit for bit" if proof.get("bit_for_bit") else "not proved"] * len(batches),
    }
