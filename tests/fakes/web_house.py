"""A web server on loopback that has what the test put there, by HTTPS and by HTTP, and remembers what it was asked."""

import asyncio


class WebHouse:
    """`pages`: (scheme, host, path) -> the octets of a whole answer, or a coroutine function of (reader, writer)."""

    def __init__(self, context):
        self._context = context
        self.pages = {}
        self.asked = []
        self.heads = []

    async def __aenter__(self):
        self._servers = [
            await asyncio.start_server(self._serve("https"), "127.0.0.1", 0, ssl=self._context),
            await asyncio.start_server(self._serve("http"), "127.0.0.1", 0),
        ]
        self.ports = {
            scheme: server.sockets[0].getsockname()[1]
            for scheme, server in zip(("https", "http"), self._servers, strict=True)
        }
        return self

    async def __aexit__(self, *_):
        for server in self._servers:
            server.close()

    def put(self, url, body, *, status="200 OK", head="", length=True):
        scheme, _, rest = url.partition("://")
        host, slash, path = rest.partition("/")
        size = f"Content-Length: {len(body)}\r\n" if length else ""
        self.pages[scheme, host, slash + path] = f"HTTP/1.1 {status}\r\n{size}{head}\r\n".encode() + body

    def _serve(self, scheme):
        async def serve(reader, writer):
            try:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                self.heads.append(head)
                path = head.split(" ")[1]
                host = next(line[6:] for line in head.split("\r\n") if line.startswith("Host: "))
                self.asked.append(f"{scheme}://{host}{path}")
                page = self.pages.get((scheme, host, path), b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
                if isinstance(page, bytes):
                    writer.write(page)
                    await writer.drain()
                else:
                    await page(reader, writer)
            except (OSError, EOFError):
                pass
            finally:
                writer.close()

        return serve
