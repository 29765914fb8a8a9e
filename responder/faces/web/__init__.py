"""The face for staff: pages that work without a script, and the JSON API."""

from responder.faces.web.office import Office, Site
from responder.faces.web.server import WebFace

__all__ = ["Office", "Site", "WebFace"]
