"""The environment in the forms of other libraries: a module a library, which it imports."""
