"""The self test: published examples, and what the library claims of itself, computed anew on the user's machine."""

from experiments.self_test.result import Reading, SelfTest
from experiments.self_test.running import selftest

__all__ = ["Reading", "SelfTest", "selftest"]
