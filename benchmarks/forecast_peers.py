"""Peers of forecast.py, in an environment of their own: Holt-Winters of statsmodels, AutoETS of statsforecast."""

import argparse
import json
import warnings
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import numpy as np
from statsforecast.models import AutoETS
from statsmodels.tsa.holtwinters import ExponentialSmoothing

Fit = Callable[["np.ndarray[tuple[int], np.dtype[np.float64]]", int], "np.ndarray[tuple[int], np.dtype[np.float64]]"]


def holt_winters(values, horizon):  # noqa: ANN001, ANN201 - the peers' own types are unknown
    """Forecast with damped trend and additive weekdays."""
    model = ExponentialSmoothing(
        values, trend="add", damped_trend=True, seasonal="add", seasonal_periods=7, initialization_method="estimated"
    )
    return model.fit().forecast(horizon)


def auto_ets(values, horizon):  # noqa: ANN001, ANN201 - the peers' own types are unknown
    """Forecast with the exponential smoothing that fits best."""
    return AutoETS(season_length=7).forecast(y=values, h=horizon)["mean"]


PEERS: dict[str, Fit] = {"Holt-Winters": holt_winters, "AutoETS": auto_ets}


def main() -> None:
    """Forecast every window of a file with each peer; print seconds and forecasts as the last line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", required=True)
    parser.add_argument("windows", type=Path)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    windows = [np.array(each) for each in json.loads(arguments.windows.read_text())]
    fit = PEERS[arguments.part]
    fit(windows[0], 7)  # compiles what is compiled at first use
    started = perf_counter()
    found = [[max(float(value), 0.0) for value in fit(each, 35)] for each in windows]
    Path(f"{arguments.windows}.{arguments.part}").write_text(json.dumps(found))
    print(json.dumps({"part": arguments.part, "seconds": perf_counter() - started, "peak_bytes": 0, "facts": {}}))


if __name__ == "__main__":
    main()
