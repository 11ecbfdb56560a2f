"""What goes wrong on the way and is over when it is asked for again."""

from tests.vendors.server import Fault

PASSING = (Fault.HANG, Fault.RESET, Fault.TOO_MANY, None, Fault.BROKEN, Fault.HALF, Fault.HALF_CHUNKED)
"""A reading goes on after these; None: an answer that is good, because a request is given up after five bad ones."""
FINAL = (Fault.CHANGED_SCHEMA, Fault.REFUSED, Fault.REDIRECTED)
"""A reading ends with these, and the next one is whole."""
OF_PAGES = (Fault.REPEATED_PAGE, Fault.OUT_OF_ORDER, Fault.ENDLESS_CURSOR, Fault.ENDLESS_PAGES)
