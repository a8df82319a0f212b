"""The yaml-language-server, as an editor talks to it: what it underlines, shows and completes."""
import contextlib
import json
import subprocess

import packages
import vigil

FOLDER = vigil.ROOT / "tests/support/language-server"
SETTINGS = {"yaml": {"validate": True, "hover": True, "completion": True, "schemaStore": {"enable": False}}}


class LanguageServer(contextlib.AbstractContextManager):
    """Skips the test, with the reason, where it cannot be had."""

    def __init__(self, schema):
        self.schema, self.asked, self.said = schema, 0, {}
        folder = packages.npm_folder("the language server", FOLDER, "language-server")
        if not folder:
            vigil.skip("yaml-language-server cannot be had")
        self.process = subprocess.Popen(
            ["node", folder / "node_modules/yaml-language-server/bin/yaml-language-server", "--stdio"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.ask("initialize", processId=None, rootUri=None, capabilities={
            "textDocument": {"publishDiagnostics": {}, "hover": {"contentFormat": ["markdown"]}, "completion": {}}})
        self._send(method="initialized", params={})
        self._send(method="workspace/didChangeConfiguration", params={"settings": SETTINGS})

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def _send(self, **message):
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self.process.stdin.flush()

    def _take(self):
        """The next message; what the server asks is answered."""
        length = 0
        while line := self.process.stdout.readline().strip():
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        vigil.check(length > 0, "the language server has ended")
        message = json.loads(self.process.stdout.read(length))
        if "method" in message and "id" in message:
            items = message["params"].get("items", []) if message.get("params") else []
            self._send(id=message["id"], result=[{} for _ in items] if items else None)
        elif message.get("method") == "textDocument/publishDiagnostics":
            self.said[message["params"]["uri"]] = message["params"]["diagnostics"]
        return message

    def ask(self, method, **params):
        self.asked += 1
        self._send(id=self.asked, method=method, params=params)
        while (message := self._take()).get("id") != self.asked or "method" in message:
            pass
        return message["result"]

    def open(self, name, text):
        """What is underlined: pairs of line (from 0, as in `text`) and message."""
        uri = f"file:///{name}.yaml"
        text = f"# yaml-language-server: $schema={self.schema}\n{text}"
        self._send(method="textDocument/didOpen", params={
            "textDocument": {"uri": uri, "languageId": "yaml", "version": 1, "text": text}})
        while uri not in self.said:
            self._take()
        return [(d["range"]["start"]["line"] - 1, d["message"]) for d in self.said[uri]]

    def at(self, what, name, line, character):
        """What is shown ("hover") or offered ("completion") there."""
        return self.ask(f"textDocument/{what}", textDocument={"uri": f"file:///{name}.yaml"},
                        position={"line": line + 1, "character": character})
