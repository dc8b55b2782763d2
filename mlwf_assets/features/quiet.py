"""The one place where warnings of featuretools and woodwork are silenced.

Both are unmaintained since 2024 and warn about pandas' and setuptools' future on every import and call;
none of it is something a user of a workflow can act on. Only named messages are silenced, only inside the
`with`; everything else still reaches the log (and fails the tests).
"""

import contextlib
import warnings
from collections.abc import Iterator

_EXPECTED = (
    ("pkg_resources is deprecated", UserWarning),
    ("Deprecated call to `pkg_resources", DeprecationWarning),
    (r".*is_categorical_dtype is deprecated", FutureWarning),
    (r".*is_datetime64tz_dtype is deprecated", FutureWarning),
    (r"The behavior of array concatenation with empty entries", FutureWarning),
    (r"The behavior of DataFrame concatenation with empty", FutureWarning),
    (r"Downcasting object dtype arrays on \.fillna", FutureWarning),
    (r"Downcasting behavior in `replace`", FutureWarning),
    (r"The provided callable .* is currently using", FutureWarning),
    (r"DataFrame is highly fragmented", Warning),
    (r"(?s)Some specified primitives were not used", UserWarning),
)


@contextlib.contextmanager
def quiet_libraries() -> Iterator[None]:
    """Silence the known, harmless warnings of featuretools and woodwork.

    Example:
        >>> with quiet_libraries():
        ...     import featuretools
    """
    with warnings.catch_warnings():
        for message, category in _EXPECTED:
            warnings.filterwarnings("ignore", message=message, category=category)
        yield
