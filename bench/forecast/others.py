"""statsforecast's forecasts by the models that Pacioli tries: JSON arrays, one a line of standard input, the
horizon and the number of processes as arguments. For each comes a line with the forecast of every model; how
long that took, without the compilation of its functions, goes to standard error, in seconds."""

import json
import os
import sys
import time
import warnings

horizon, jobs = int(sys.argv[1]), int(sys.argv[2])
os.environ["NIXTLA_ID_AS_COL"] = "1"
os.environ.setdefault("NUMBA_NUM_THREADS", "1")

import pandas  # noqa: E402
from statsforecast import StatsForecast  # noqa: E402
from statsforecast.models import (  # noqa: E402
    MSTL,
    TSB,
    AutoARIMA,
    AutoETS,
    CrostonSBA,
    RandomWalkWithDrift,
    SeasonalNaive,
    SimpleExponentialSmoothingOptimized,
    Theta,
)

MONTHS = 12


def models() -> list:
    """The same as `crates/insights/src/forecast`, with the same restrictions of their orders."""
    small = {"max_p": 2, "max_q": 1, "max_order": 3, "approximation": True}
    return [
        SeasonalNaive(MONTHS, alias="seasonal_naive"),
        RandomWalkWithDrift(alias="drift"),
        SimpleExponentialSmoothingOptimized(alias="ses"),
        AutoETS(1, model="AAN", damped=True, alias="damped_holt"),
        AutoETS(MONTHS, model="AAA", damped=True, alias="ets_additive"),
        AutoETS(MONTHS, model="MAM", damped=True, alias="ets_multiplicative"),
        Theta(MONTHS, alias="theta"),
        AutoARIMA(seasonal=False, alias="arima", **small),
        AutoARIMA(season_length=MONTHS, D=1, max_P=0, max_Q=1, alias="seasonal_arima", **small),
        MSTL(MONTHS, trend_forecaster=AutoETS(1, model="AAN", damped=True), alias="mstl"),
        CrostonSBA(alias="croston"),
        TSB(0.1, 0.1, alias="tsb"),
    ]


def frame(series: list[list[float]]) -> pandas.DataFrame:
    rows = [(number, place, value) for number, values in enumerate(series) for place, value in enumerate(values)]
    return pandas.DataFrame(rows, columns=["unique_id", "ds", "y"])


def main() -> None:
    warnings.filterwarnings("ignore")
    series = [json.loads(line) for line in sys.stdin]
    fallback = SeasonalNaive(MONTHS)
    # Its functions are compiled when they are first called.
    StatsForecast(models(), freq=1, n_jobs=1, fallback_model=fallback).forecast(df=frame(series[:4]), h=horizon)
    begin = time.perf_counter()
    forecaster = StatsForecast(models(), freq=1, n_jobs=jobs, fallback_model=fallback)
    found = forecaster.forecast(df=frame(series), h=horizon)
    seconds = time.perf_counter() - begin
    for _, rows in found.groupby("unique_id", sort=True):
        print(json.dumps({name: [float(value) for value in rows[name]] for name in rows.columns[2:]}))
    print(seconds, file=sys.stderr)


if __name__ == "__main__":
    main()
