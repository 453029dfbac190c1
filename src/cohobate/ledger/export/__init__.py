"""The trials as a file for other programs: CSV, JSON lines, Parquet, extended XYZ, SDF."""

from cohobate.ledger.export.files import export
from cohobate.ledger.export.plain import plain
from cohobate.ledger.export.text import to_csv, to_jsonl

__all__ = ["export", "plain", "to_csv", "to_jsonl"]
