"""Rows, the engine, and the one writer; nothing here commits by itself."""
