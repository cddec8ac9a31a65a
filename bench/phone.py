"""The mobile client's library, driven as an app drives it."""

import pathlib
import sys

from brokers import BenchError

CHECKOUT = pathlib.Path(__file__).resolve().parent.parent
sys.path.append(str(CHECKOUT / "clients-sample/mobile/tests"))

import binding  # noqa: E402


def open_phone(store, url, ca_file, keepalive_s=0):
    path = CHECKOUT / "build/release/clients-sample/mobile/libhum.so"
    if not path.exists():
        raise BenchError(f"{path.relative_to(CHECKOUT)} is not built")
    return binding.Phone(binding.load(path), store, url, ca_file, keepalive_s)
