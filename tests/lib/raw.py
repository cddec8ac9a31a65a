"""HTTP by hand, for requests that no decent client would send."""

import json
import socket
from collections import namedtuple

Answer = namedtuple("Answer", "status headers body")


def parse(data):
    """The first response in some bytes; None if there is no whole one."""
    head, end, rest = data.partition(b"\r\n\r\n")
    if not end:
        return None
    lines = head.decode("latin-1").split("\r\n")
    headers = {}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        assert name.lower() not in headers, f"{name} twice"
        headers[name.lower()] = value.strip()
    status = int(lines[0].split()[1])
    length = int(headers.get("content-length", 0))
    return Answer(status, headers, rest[:length]) if len(rest) >= length else None


def exchange(hum, data, timeout=30, close=False):
    """Sends bytes and reads until the server closes, or one whole response is there. Returns an
    Answer, or None when the server closed without one."""
    with socket.create_connection((hum.host, hum.http_port), timeout) as sock:
        got = b""
        try:
            sock.sendall(data)
            if close:
                sock.shutdown(socket.SHUT_WR)
            while (answer := parse(got)) is None or answer.status == 100:
                chunk = sock.recv(65536)
                if not chunk:
                    return answer
                got += chunk
                if answer is not None:
                    got = got[len(b"HTTP/1.1 100 Continue\r\n\r\n") :]
        except (ConnectionResetError, BrokenPipeError):
            return parse(got)
        return answer


def request(hum, method, target, body=b"", token=None, headers=()):
    """One request with a target and headers as they are given."""
    lines = [f"{method} {target} HTTP/1.1", f"Host: {hum.host}:{hum.http_port}"]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    if body or method in ("POST", "PUT", "PATCH"):
        lines.append(f"Content-Length: {len(body)}")
        if not any(h.lower().startswith("content-type:") for h in headers):
            lines.append("Content-Type: application/json")
    lines += headers
    head = "\r\n".join(lines).encode("latin-1") if isinstance(target, str) else lines
    return exchange_of(hum, method, head + b"\r\n\r\n" + body)


def exchange_of(hum, method, data):
    return exchange(hum, data, close=method == "HEAD")


def problem(answer, status, code):
    """Asserts that an Answer is the named error."""
    assert answer is not None, "the server closed without an answer"
    assert answer.status == status, answer
    assert answer.headers["content-type"].split(";")[0] == "application/problem+json", answer
    body = json.loads(answer.body)
    assert (body["code"], body["status"]) == (code, status), body
    return body
