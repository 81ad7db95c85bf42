"""Uploads in parts that outlive their worker: their ledger, and what was left behind."""
