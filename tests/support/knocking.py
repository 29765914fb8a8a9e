"""`python -m tests.support.knocking HOST PORT SOURCE,RECIPIENT...`: what a server answers to RCPT, for each pair.

A program of its own, since the addresses that it comes from exist in one network namespace only. Prints one JSON object
a line: source, recipient, code, text.
"""

import json
import smtplib
import sys

SECONDS = 30


def knock(host: str, port: int, source: str, recipient: str) -> tuple[int, str]:
    """Connect from `source` and name `recipient`; gives the first reply that is no success, or the last."""
    with smtplib.SMTP(timeout=SECONDS, source_address=(source, 0), local_hostname="mail.client.example") as client:
        code, text = client.connect(host, port)
        for command in ("EHLO mail.client.example", "MAIL FROM:<>", f"RCPT TO:<{recipient}>"):
            if code >= 300:
                break
            code, text = client.docmd(command)
    return code, text.decode("ascii", "replace")


def main() -> None:
    host, port, *pairs = sys.argv[1:]
    for pair in pairs:
        source, recipient = pair.split(",")
        code, text = knock(host, int(port), source, recipient)
        print(json.dumps({"source": source, "recipient": recipient, "code": code, "text": text}))  # noqa: T201


if __name__ == "__main__":
    main()
