"""A client of the Model Context Protocol, driven by a test: a command a line on standard input, an answer a line on standard output.

The first line says where the server is and in which mode to connect; what an assistant would do follows.
"""

import asyncio
import json
import sys

import httpx2
import mcp_types as types
from pydantic import TypeAdapter

from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

# Seconds in which whatever comes has come.
PATIENCE = 30

ANYTHING = TypeAdapter(dict)


def plain(model):
    return model.model_dump(mode="json", by_alias=True, exclude_none=True)


class Driver:
    def __init__(self):
        self.asked = []
        self.changes = asyncio.Queue()
        self.listening = None
        self.calls = {}

    async def heard(self, message):
        if isinstance(message, types.ToolListChangedNotification):
            self.changes.put_nowait("tools")

    async def elicited(self, _, params):
        self.asked.append(plain(params))
        return types.ElicitResult(action="accept", content={})

    async def call(self, name, arguments):
        try:
            return plain(await self.client.call_tool(name, arguments))
        except MCPError as error:
            return {"error": {"code": error.error.code, "message": error.error.message}}

    async def do(self, command):
        match command:
            case ["era"]:
                return self.client.session.protocol_version
            case ["list"]:
                return [plain(tool) for tool in (await self.client.list_tools()).tools]
            case ["call", name, arguments]:
                return await self.call(name, arguments)
            case ["progress", name, arguments]:
                reports = []

                async def report(done, total, message):
                    reports.append([done, total, message])

                await self.client.call_tool(name, arguments, progress_callback=report)
                return reports
            case ["begin", name, arguments]:
                self.calls[name] = asyncio.create_task(self.client.call_tool(name, arguments))
                return None
            case ["cancel", name]:
                self.calls[name].cancel()
                return None
            case ["listen"]:
                if self.client.session.protocol_version >= "2026-07-28":
                    ready = asyncio.Event()
                    self.listening = asyncio.create_task(self.listen(ready))
                    await asyncio.wait_for(ready.wait(), PATIENCE)
                while not self.changes.empty():
                    self.changes.get_nowait()
                return None
            case ["changed"]:
                return await asyncio.wait_for(self.changes.get(), PATIENCE)
            case ["raw", method, params]:
                request = types.Request[dict, str](method=method, params=params)
                return await self.client.session.send_request(request, ANYTHING)
            case ["resources"]:
                return [plain(resource) for resource in (await self.client.list_resources()).resources]
            case ["read", uri]:
                return plain(await self.client.read_resource(uri))
            case ["asked"]:
                return self.asked

    async def listen(self, ready):
        async with self.client.listen(tools_list_changed=True) as subscription:
            ready.set()
            async for _ in subscription:
                self.changes.put_nowait("tools")

    async def run(self):
        lines = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
        start = json.loads(await lines.readline())
        if "url" in start:
            headers = {"Authorization": f"Bearer {start['token']}"}
            http = httpx2.AsyncClient(headers=headers, timeout=httpx2.Timeout(PATIENCE, read=300))
            server = streamable_http_client(start["url"], http_client=http)
        else:
            server = StdioServerParameters(command=start["command"], args=start["args"], cwd=start["cwd"])
        asks = self.elicited if start["elicitation"] else None
        async with Client(
            server, mode=start["mode"], message_handler=self.heard, elicitation_callback=asks, cache=None
        ) as self.client:
            self.say(None)
            while line := await lines.readline():
                self.say(await self.do(json.loads(line)))
            left = [task for task in [self.listening, *self.calls.values()] if task is not None]
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

    @staticmethod
    def say(answer):
        print(json.dumps(answer), flush=True)


asyncio.run(Driver().run())
