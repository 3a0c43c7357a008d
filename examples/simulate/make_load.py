#!/usr/bin/env python3
"""Makes uploads.csv, the load of this example: a week of video uploads, in bins of ten minutes.

Nobody's data. In hour h of a day (UTC) uploads come at random, at the rate

    rate(h) = 75 an hour * week * (0.06 + 0.94 * ((1 + cos(2 pi (h - 20) / 24)) / 2) ** 2)

most at eight in the evening and a sixteenth of it at eight in the morning; `week` is 1 from Monday to
Friday, 0.75 on Saturday and 0.6 on Sunday. On Thursday a contest closes at 17:00: in the two hours
before it 40 an hour come on top. A bin's count is drawn from a Poisson distribution, from one seed.

    python3 examples/simulate/make_load.py > examples/simulate/uploads.csv
"""

import datetime
import math
import random

START = datetime.datetime(2026, 3, 2)  # a Monday
BIN = datetime.timedelta(minutes=10)
WEEK = (1, 1, 1, 1, 1, 0.75, 0.6)
SEED = 20260302


def rate(at):
    """Uploads an hour."""
    hour = at.hour + at.minute / 60
    shape = 0.06 + 0.94 * ((1 + math.cos(2 * math.pi * (hour - 20) / 24)) / 2) ** 2
    contest = 40 if at.weekday() == 3 and 15 <= at.hour < 17 else 0
    return 75 * WEEK[at.weekday()] * shape + contest


def poisson(mean, draw):
    """Knuth's: how many uniform numbers can be multiplied before the product falls below e^-mean."""
    left, n = draw.random(), 0
    while left > math.exp(-mean):
        left *= draw.random()
        n += 1
    return n


def main():
    draw = random.Random(SEED)
    print("time,arrivals")
    for i in range(7 * 24 * 6):
        at = START + i * BIN
        mean = rate(at + BIN / 2) * BIN.total_seconds() / 3600
        print(f"{at.isoformat()}Z,{poisson(mean, draw)}")


if __name__ == "__main__":
    main()
