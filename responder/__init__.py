"""The service behind a bypass address: reads pleas for help, answers them, keeps the exemption queue."""

__version__ = "0.1.0"
