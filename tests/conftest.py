"""Settings that all tests share."""

import signal

from hypothesis import settings

# The first example of a property compiles kernels, so no deadline; the same examples every time,
# so that a red run can be repeated.
settings.register_profile("keisei", deadline=None, derandomize=True)
settings.load_profile("keisei")

# A shell that starts the tests in the background has them ignore Ctrl-C, and with them all programs
# that they start; with a handler of their own the programs get the usual one.
signal.signal(signal.SIGINT, signal.default_int_handler)
