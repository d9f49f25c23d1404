"""Monthly series like those of the M4 competition (Makridakis, Spiliotis & Assimakopoulos 2020): levels,
slopes that die away or go on, seasons that are added or multiplied, walks and noise of random sizes, some
of them mostly zero. The same for the same seed, by Python's own random numbers alone."""

import math
import random

# As the monthly series of M4 are forecast.
HORIZON = 18


def monthly(seed: int) -> list[float]:
    chance = random.Random(seed)
    # M4's monthly series have 42 to 2,794 values; most have less than 310, a median of 202.
    count = min(310, max(42, round(chance.lognormvariate(math.log(180), 0.5)))) + HORIZON
    if chance.random() < 0.03:
        return intermittent(chance, count)
    level = 10 ** chance.uniform(2, 4)
    slope = level * chance.gauss(0.002, 0.004)
    damping = chance.choice([1.0, 1.0, 0.98, 0.95])
    noise = level * 10 ** chance.uniform(-2.2, -0.9)
    drift = noise * chance.choice([0.1, 0.3, 0.6, 1.0])
    depth = chance.choice([0.0, 0.03, 0.08, 0.2])
    season = [depth * chance.gauss(0, 1) for _ in range(12)]
    middle = sum(season) / 12
    multiplied = chance.random() < 0.4
    values, walk, trend, step = [], 0.0, 0.0, slope
    for place in range(count):
        walk += chance.gauss(0, drift)
        trend += step
        step *= damping
        base = max(level + trend + walk, 0.05 * level)
        effect = season[place % 12] - middle
        value = base * (1 + effect) if multiplied else base + level * effect
        values.append(round(max(0.0, value + chance.gauss(0, noise)), 3))
    return values


def intermittent(chance: random.Random, count: int) -> list[float]:
    often, size = chance.uniform(0.1, 0.5), 10 ** chance.uniform(0.5, 2)
    return [round(size * chance.lognormvariate(0, 0.4), 3) if chance.random() < often else 0.0 for _ in range(count)]
