"""Every measurement, one after the other: `python -m bench [NAME ...]`."""

import subprocess
import sys

NAMES = ("answers", "stored", "policy", "evidence", "queue")


def main() -> int:
    """Run the measurements named, all without a name; give 1 when one fell short."""
    chosen = sys.argv[1:] or NAMES
    if unknown := [name for name in chosen if name not in NAMES]:
        print(f"no measurement {', '.join(unknown)}; there are {', '.join(NAMES)}", file=sys.stderr)
        return 2
    return max(subprocess.run([sys.executable, "-m", f"bench.{name}"], check=False).returncode for name in chosen)


if __name__ == "__main__":
    sys.exit(main())
