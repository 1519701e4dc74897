"""The Connect protocol over a plain http.client: unary calls, server streams."""

import http.client
import json
import struct
import time

END_OF_STREAM = 2


def envelope(content, flags=0):
    return struct.pack(">BI", flags, len(content)) + content


class Answer:
    """Status, headers and body of one response."""

    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        """Connect's code; None of a success."""
        return None if self.status == 200 else self.json["code"]


class Stream:
    """An iterator over the messages of a server stream; then `end` is its last envelope."""

    def __init__(self, connection, response):
        self._connection = connection
        self._response = response
        self.status = response.status
        self.headers = response.headers
        self.end = None

    def __iter__(self):
        return self

    def __next__(self):
        flags, size = struct.unpack(">BI", self._read(5))
        content = json.loads(self._read(size))
        if flags == END_OF_STREAM:
            assert self._response.read() == b"", "bytes after the end of the stream"
            self.end = content
            raise StopIteration
        assert flags == 0, flags
        return content

    def _read(self, size):
        content = self._response.read(size)
        assert len(content) == size, f"{len(content)} of {size} bytes came"
        return content

    @property
    def code(self):
        return self.end.get("error", {}).get("code")

    def close(self):
        self._response.close()
        self._connection.close()


class ConnectClient:
    """Calls to the HTTP port of one server, each on a connection of its own."""

    def __init__(self, address):
        self.address = address

    def connection(self, timeout=60):
        return http.client.HTTPConnection(self.address, timeout=timeout)

    def post(self, path, body=b"{}", **headers):
        """The answer to any bytes. Headers by name, with _ for -."""
        connection = self.connection()
        try:
            return Answer(self._request(connection, path, body, headers))
        finally:
            connection.close()

    def _request(self, connection, path, body, headers):
        named = {"Content-Type": "application/json"}
        named.update({name.replace("_", "-"): value for name, value in headers.items()})
        connection.request("POST", path, body, named)
        return connection.getresponse()

    def call(self, method, content=None, **headers):
        """A unary call of "Service/Method" with JSON."""
        return self.post(f"/assay.v1.{method}", json.dumps(content or {}).encode(), **headers)

    def ok(self, method, content=None):
        answer = self.call(method, content)
        assert answer.status == 200, answer.body
        return answer.json

    def stream(self, method, content=None, body=None, **headers):
        """A server stream of "Service/Method"."""
        connection = self.connection()
        if body is None:
            body = envelope(json.dumps(content or {}).encode())
        headers = {"Content_Type": "application/connect+json", **headers}
        return Stream(connection,
                      self._request(connection, f"/assay.v1.{method}", body, headers))
