"""What the world talks to: SMTP and the worker loops; faces never import each other."""
