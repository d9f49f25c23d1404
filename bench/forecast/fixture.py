"""Writes what statsforecast makes of a few series, for the tests of `crates/insights` to compare with:
    PYTHON bench/forecast/fixture.py > crates/insights/src/forecast/statsforecast.json
with the interpreter of an environment that has bench/forecast/requirements.txt."""

import json
import subprocess
import sys
from pathlib import Path

from series import HORIZON, monthly

SEEDS = range(1, 13)


def main() -> None:
    series = [monthly(seed)[:-HORIZON][-96:] for seed in SEEDS]
    lines = "\n".join(json.dumps(values) for values in series)
    command = [sys.executable, str(Path(__file__).with_name("others.py")), "6", "1"]
    answer = subprocess.run(command, input=lines, capture_output=True, check=True, text=True)
    forecasts = [json.loads(line) for line in answer.stdout.splitlines()]
    print("[")
    rows = []
    for values, forecast in zip(series, forecasts, strict=True):
        rounded = {name: [round(value, 6) for value in given] for name, given in forecast.items()}
        rows.append(json.dumps({"values": values, "forecasts": rounded}))
    print(",\n".join(rows))
    print("]")


if __name__ == "__main__":
    main()
