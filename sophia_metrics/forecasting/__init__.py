"""Forecasts of daily series: simple methods, chosen by how well they did, with ranges from their own errors.

Everything here is a function of numbers: a row is a series, a column a day, the last column the last settled day of
each series. NaN is a day that is not known. No calendar is needed: days that are seven columns apart have one weekday.
"""
