"""CSV files: of our own events, and of a mapped format."""

from collections.abc import Callable

from tests.poison.good_rows import EVENTS_HEADER, csv_row, mapped_row
from tests.poison.poison import Content, Poison
from tests.poison.text import GOOD_AFTER, GOOD_BEFORE, Text, events_csv, mapped_csv, text_file

__all__ = ["CSV_FILES"]

MALFORMED = "malformed_row"


def _bad(name: str, defect: str, rule: str, row: Callable[[str], bytes]) -> Poison:
    def write(text: Text) -> Text:
        return text.good(GOOD_BEFORE).bad(row(f"{text.name}#bad"), rule).good(GOOD_AFTER)

    return text_file(name, defect, write, begin=events_csv)


def _fine(name: str, defect: str, row: Callable[[str], bytes]) -> Poison:
    def write(text: Text) -> Text:
        request_id = f"{text.name}#fine"
        return text.good(GOOD_BEFORE).fine(row(request_id), request_id).good(GOOD_AFTER)

    return text_file(name, defect, write, begin=events_csv)


def _written(name: str, defect: str, begin: Callable[[str], Text]) -> Poison:
    return text_file(name, defect, lambda text: text.good(5), begin=begin)


def _mapped(name: str, defect: str, rule: str, **cells: str) -> Poison:
    def write(text: Text) -> Text:
        return text.good(GOOD_BEFORE).bad(mapped_row(f"{text.name}#bad", **cells), rule).good(GOOD_AFTER)

    return text_file(name, defect, write, begin=mapped_csv, file_format="mapped")


def _with_header(name: str, header: bytes, *, extra: bytes = b"") -> Text:
    return Text(name, lambda request_id: csv_row(request_id) + extra, head=header + b"\n")


def _refused(header: bytes, phrase: str, *, extra: bytes = b"") -> Callable[[str], Content]:
    def content(name: str) -> Content:
        return Content(_with_header(name, header, extra=extra).good(3).content().data, refused=phrase)

    return content


def _unread_twice(name: str) -> Text:
    return _with_header(name, EVENTS_HEADER + b",note,note", extra=b",a,b")


CSV_FILES: tuple[Poison, ...] = (
    _bad("few_cells.csv", "a row with too few cells", MALFORMED, lambda each: csv_row(each).rpartition(b",")[0]),
    _bad("many_cells.csv", "a row with too many cells", MALFORMED, lambda each: csv_row(each) + b",more"),
    _bad("open_quote.csv", "a quote that never closes", MALFORMED, lambda each: csv_row(each, team='"search')),
    _bad("text_behind_quote.csv", "text behind a closing quote", MALFORMED, lambda each: csv_row(each, team='"a"b')),
    _bad("bad_utf8.csv", "a cell that is not UTF-8", MALFORMED, lambda each: csv_row(each) + b"\xff"),
    _bad(
        "word_for_count.csv",
        "a word where a count belongs",
        "wrong_type",
        lambda each: csv_row(each, output_tokens="many"),
    ),
    _bad("fraction.csv", "12.7 tokens", "fractional_count", lambda each: csv_row(each, output_tokens="12.7")),
    _bad(
        "empty_model.csv",
        "an empty cell where the model belongs",
        "missing_model",
        lambda each: csv_row(each, model=""),
    ),
    _bad("negative.csv", "output below zero", "negative_output_tokens", lambda each: csv_row(each, output_tokens="-5")),
    _bad(
        "negative_on_two_lines.csv",
        "output below zero, in a row over two lines",
        "negative_output_tokens",
        lambda each: csv_row(each, output_tokens="-5", team='"two\nlines"'),
    ),
    _fine("empty_count.csv", "an empty cell where a count belongs", lambda each: csv_row(each, output_tokens="")),
    _fine("lines_in_quotes.csv", "a cell over three lines", lambda each: csv_row(each, team='"one\n\r\nthree"')),
    _fine("quotes_in_quotes.csv", "quotes and commas in quotes", lambda each: csv_row(each, team='"so ""a"", b"')),
    _fine("quote_in_a_cell.csv", "a quote inside a cell without quotes", lambda each: csv_row(each, team='5" disk')),
    _written("semicolons.csv", "semicolons between cells", lambda name: events_csv(name, delimiter=";")),
    _written("tabs.tsv", "tabs between cells", lambda name: events_csv(name, delimiter="\t")),
    _written(
        "windows.csv", "a byte order mark and CRLF", lambda name: events_csv(name, head=b"\xef\xbb\xbf", end=b"\r\n")
    ),
    text_file(
        "no_last_end.csv",
        "no line end at the end",
        lambda text: text.good(5).without_last_end(),
        begin=events_csv,
    ),
    text_file("blank_lines.csv", "blank lines", lambda text: text.good(3).raw(b"\n\n").good(2), begin=events_csv),
    text_file("header_only.csv", "a header and nothing else", lambda text: text, begin=events_csv),
    text_file("empty.csv", "an empty file", lambda text: text, begin=lambda name: Text(name, csv_row)),
    _written("unread_column_twice.csv", "a column twice that nobody reads", _unread_twice),
    Poison(
        "column_twice.csv",
        "a column twice that is read",
        _refused(EVENTS_HEADER + b",output_tokens", "output_tokens", extra=b",7"),
    ),
    Poison(
        "no_model_column.csv",
        "no column for the model",
        _refused(EVENTS_HEADER.replace(b"model", b"name"), "lacks the columns model"),
    ),
    Poison("other_columns.csv", "columns of something else", _refused(b"a,b,c,d,e,f,g,h", "no file of format")),
    _mapped("much_cached.csv", "more cached than there is", "cached_above_total", cached="1001"),
    _mapped("mapped_fraction.csv", "12.7 tokens", "wrong_type", answer="12.7"),
    _mapped("mapped_word.csv", "a word where a count belongs", "wrong_type", answer="many"),
    _mapped("mapped_time.csv", "a date that is none", "wrong_type", when="2026-02-30 10:00:00"),
    _mapped("mapped_no_time.csv", "an empty time", "missing_time", when=""),
    _mapped("mapped_model.csv", "an empty model", "missing_model", model=""),
    _mapped("mapped_cost.csv", "a cost below zero", "negative_cost_reported", cost="-1"),
    _mapped("mapped_huge.csv", "two trillion tokens", "count_too_large", answer="2000000000000"),
    _mapped("mapped_cells.csv", "a row with too many cells", MALFORMED, cost="0,0035"),
)
