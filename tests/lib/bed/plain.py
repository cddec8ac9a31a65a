"""A Mosquitto without anything of ours beside the one under test: what it suffers too is the machine's doing."""

import contextlib
import socket

from lib.instance import free_ports
from lib.mqtt import eventually


@contextlib.contextmanager
def plain_broker(bed):
    """Its address."""
    folder = bed.instance.home / "plain"
    folder.mkdir(exist_ok=True)
    (port,) = free_ports(1)
    conf = folder / "mosquitto.conf"
    conf.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\n")
    argv = ["/usr/sbin/mosquitto", "-c", str(conf)]
    process = bed.broker.spawn(argv=argv, env={"LD_PRELOAD": ""}, log=folder / "log")
    address = ("127.0.0.1", port)

    def accepts():
        with contextlib.suppress(OSError), socket.create_connection(address, timeout=1):
            return True
        return False

    try:
        eventually(accepts)
        yield address
    finally:
        process.terminate()
        process.wait(30)
