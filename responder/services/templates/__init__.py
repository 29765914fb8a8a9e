"""The templates: as files, in use, at the desk where staff edit them, and as their author sees them."""
