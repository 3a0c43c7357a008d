"""The job of the example: a message {"number": N, "lines": [[text, cents], ...]} becomes a text file."""

import json
import sys

NEVER = 65  # the profile's park_status


def main():
    try:
        order = json.load(sys.stdin)
        rows = [(str(text), int(cents)) for text, cents in order["lines"]]
        number = int(order["number"])
    except (ValueError, KeyError, TypeError) as why:
        print(f"this is no order: {why!r}", file=sys.stderr)
        return NEVER
    total = sum(cents for _, cents in rows)
    with open(f"out/invoice-{number}.txt", "w") as file:
        for text, cents in [*rows, ("total", total)]:
            print(f"{text:<40}{cents / 100:>10.2f}", file=file)
    return 0


if __name__ == "__main__":
    sys.exit(main())
