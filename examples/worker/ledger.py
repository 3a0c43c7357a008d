"""A command that stays: it is started once and given its jobs one by one, so that what takes long to make ready (a model,
a connection, here a ledger of what was sold) is made ready once.

A line of JSON comes for each job and is answered by a line. Whatever else is to be said goes to standard error.
"""

import json
import sys


def say(**words):
    print(json.dumps(words), flush=True)


def enter(ledger, job):
    order = json.loads(job["body"])
    rows = [(str(text), int(cents)) for text, cents in order["lines"]]
    number = int(order["number"])
    for text, cents in rows:
        ledger[text] = ledger.get(text, 0) + cents
    with open(f"{job['out']}/receipt-{number}.txt", "w") as file:
        for text, cents in rows:
            print(f"{text:<30}{cents / 100:>10.2f}{ledger[text] / 100:>12.2f} in all", file=file)


def main():
    ledger = {}
    say(hello=1)
    for line in sys.stdin:
        job = json.loads(line)
        try:
            enter(ledger, job)
        except (ValueError, KeyError, TypeError) as why:
            print(f"this is no order: {why!r}", file=sys.stderr, flush=True)
            say(job=job["job"], state="failed", reason="this is no order", permanent=True)
        else:
            say(job=job["job"], state="done")


if __name__ == "__main__":
    main()
