"""The composition root: settings, database, services, faces; everything is built once, here."""
