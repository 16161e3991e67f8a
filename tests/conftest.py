"""Settings that all tests share."""

from hypothesis import settings

# The first example of a property compiles kernels, so no deadline; the same examples every time,
# so that a red run can be repeated.
settings.register_profile("keisei", deadline=None, derandomize=True)
settings.load_profile("keisei")
