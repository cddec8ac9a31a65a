"""HTTP by hand, for requests that no decent client would send."""

import json
import socket
from collections import namedtuple

from requests.structures import CaseInsensitiveDict

from lib import spec

Answer = namedtuple("Answer", "status headers body")


def unchunk(data):
    """The body in chunks (RFC 9112, section 7.1); None while its end is missing."""
    body = b""
    while True:
        size, end, rest = data.partition(b"\r\n")
        if not end or len(rest) < int(size, 16) + 2:
            return None
        if int(size, 16) == 0:
            return body
        body, data = body + rest[:int(size, 16)], rest[int(size, 16) + 2:]


def parse(data, head=False):
    """The first response in some bytes; None if there is no whole one. head: it has no body."""
    start, end, rest = data.partition(b"\r\n\r\n")
    if not end:
        return None
    lines = start.decode("latin-1").split("\r\n")
    headers = {}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        assert name.lower() not in headers, f"{name} twice"
        headers[name.lower()] = value.strip()
    status = int(lines[0].split()[1])
    if headers.get("transfer-encoding") == "chunked" and not head:
        body = unchunk(rest)
        return None if body is None else Answer(status, headers, body)
    length = 0 if head else int(headers.get("content-length", 0))
    return Answer(status, headers, rest[:length]) if len(rest) >= length else None


def exchange(hum, data, timeout=90, close=False, head=False):
    """Sends bytes (close: and no more) and reads until one whole response is there, or the server
    closes. Returns an Answer, or None when the server closed without one."""
    got = b""
    with hum.dial(hum.http_port, timeout) as sock:
        try:
            sock.sendall(data)
            if close:
                sock.shutdown(socket.SHUT_WR)
            while (answer := parse(got, head)) is None:
                chunk = sock.recv(65536)
                if not chunk:
                    return None
                got += chunk
        except TimeoutError:
            raise
        except OSError:  # it has closed, without reading all
            return parse(got, head)
        return answer


def request(hum, method, target, body=b"", token=None, headers=()):
    """One request with a target and headers just as they are given, in Latin-1."""
    lines = [f"{method} {target} HTTP/1.1", f"Host: {hum.host}:{hum.http_port}"]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    if body or method in ("POST", "PUT", "PATCH"):
        lines.append(f"Content-Length: {len(body)}")
        if not any(h.lower().startswith("content-type:") for h in headers):
            lines.append("Content-Type: application/json")
    head = "\r\n".join([*lines, *headers, "", ""]).encode("latin-1")
    answer = exchange(hum, head + body, head=method == "HEAD")
    if answer is not None:
        spec.check_answer(method, target, answer.status, CaseInsensitiveDict(answer.headers), answer.body)
    return answer


def problem(answer, status, code):
    """Asserts that an Answer is the named error."""
    assert answer is not None, "the server closed without an answer"
    assert answer.status == status, answer
    assert answer.headers["content-type"].split(";")[0] == "application/problem+json", answer
    body = json.loads(answer.body)
    assert (body["code"], body["status"]) == (code, status), body
    return body
